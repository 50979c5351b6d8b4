//! Claims that a client makes about itself, which must not be trusted.
//!
//! The gateway must not decide on anything other than what the upstream sees, nor on values that
//! the client chose: a forged `X-Forwarded-For`, fields that `Connection` removes, underscores in
//! field names, the `User-Agent` of a health checker.

mod addresses;
mod excuses;
mod links;
mod nominated;
mod switches;
mod twins;
mod versions;

use interop::{Count, Gateway, Reply, exchange, tally};

/// Declares the test itself as a proxy that reports everything a proxy can report.
const PROXY: &str = r#"
[[gateway.proxy]]
from = ["127.0.0.0/8"]
[gateway.proxy.reads]
scheme = "X-Forwarded-Proto"
peer   = "X-Forwarded-For"
tls    = "X-Client-TLS"
http   = "X-Client-HTTP"
"#;

/// A rule that no request of these tests satisfies.
const REFUSED: &str = r#"
[[rule]]
id      = "relay"
require = { protocol = "derp/2" }
"#;

/// Sends a GET over HTTP/1.1 with these field lines, on a connection of its own.
fn get(gateway: &Gateway, target: &str, fields: &str) -> Reply {
    send_one(gateway, "GET", target, fields, "")
}

/// Sends a request with this method and content, in the same way.
fn send_one(gateway: &Gateway, method: &str, target: &str, fields: &str, content: &str) -> Reply {
    let head = format!("{method} {target} HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n");
    let request = format!("{head}{fields}\r\n{content}");
    exchange(gateway.http(), request.as_bytes(), method == "HEAD").0
}

/// Returns true if the request was turned away: by the rule (426, or 403 where an upgrade cannot
/// pass through the proxy) or as malformed (400).
fn is_refused(reply: &Reply) -> bool {
    matches!(reply.status, 426 | 403 | 400)
}

/// Fails if anything is wrong, and lists all of it.
fn assert_none(wrong: &[String]) {
    tally(Count::Bypasses, wrong.len());
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
