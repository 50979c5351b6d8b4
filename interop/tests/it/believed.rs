//! Claims of a client: what a request says of itself, and must not be believed.
//!
//! KIND: the gateway decides on something else than the upstream sees, or on what the client chose
//! to be seen (attack.md, F2, F3, F10, F11 and the low rows on fields).

mod addresses;
mod excuses;
mod links;
mod nominated;
mod switches;
mod twins;
mod versions;

use interop::{Count, Gateway, Reply, exchange, tally};

/// The test itself is a declared proxy, which tells all that one can.
const PROXY: &str = r#"
[[gateway.proxy]]
from = ["127.0.0.0/8"]
[gateway.proxy.reads]
scheme = "X-Forwarded-Proto"
peer   = "X-Forwarded-For"
tls    = "X-Client-TLS"
http   = "X-Client-HTTP"
"#;

/// A rule that no request of these tests meets.
const REFUSED: &str = r#"
[[rule]]
id      = "relay"
require = { protocol = "derp/2" }
"#;

/// A GET over HTTP/1.1 with these field lines, on a connection of its own.
fn get(gateway: &Gateway, target: &str, fields: &str) -> Reply {
    send_one(gateway, "GET", target, fields, "")
}

/// The same with another method and content.
fn send_one(gateway: &Gateway, method: &str, target: &str, fields: &str, content: &str) -> Reply {
    let head = format!("{method} {target} HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n");
    let request = format!("{head}{fields}\r\n{content}");
    exchange(gateway.http(), request.as_bytes(), method == "HEAD").0
}

/// Tells whether the request was turned away: by the rule, which is 403 where an upgrade cannot
/// come through the proxy, or as one that cannot be read.
fn is_refused(reply: &Reply) -> bool {
    matches!(reply.status, 426 | 403 | 400)
}

/// Fails if anything is wrong, with all that is.
fn assert_none(wrong: &[String]) {
    tally(Count::Bypasses, wrong.len());
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
