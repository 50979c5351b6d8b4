//! The `Host` field: a host that is not served here neither earns an exemption nor opens the admin
//! listener.

use std::net::SocketAddr;

use interop::{Gateway, Origin, exchange};

fn ask_as(to: SocketAddr, host: &str, path: &str) -> u16 {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    exchange(to, request.as_bytes(), false).0.status
}

/// A rule that refuses everything, and links to three other hosts.
const LINKED: &str = r#"
[[rule]]
id          = "relay"
require     = { protocol = "derp/2" }
docs        = "https://docs.example/guide"
successor   = "https://next.example/v2"
upgrade-url = "https://get.example/app"
"#;

/// A link of a rule exempts no request for a host that is not served here. Such a request goes to
/// this upstream under another name, and `docs` once exempted it.
#[test]
fn a_link_to_another_host_is_no_excuse() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), LINKED);
    let links = [("docs.example", "/guide"), ("next.example", "/v2"), ("get.example", "/app")];
    for (host, path) in links.into_iter().chain([("DOCS.EXAMPLE:443", "/guide")]) {
        assert_eq!(ask_as(gateway.http(), host, path), 426, "{host}{path}");
    }
    assert!(origin.arrived().is_empty(), "{:?}", origin.arrived());
}

/// A link to a host that is served here is exempt.
#[test]
fn a_link_to_this_host_is_excused() {
    let origin = Origin::start(200, &[]);
    let address = origin.address();
    let site = format!(
        "[[upstream]]\nhosts = [\"docs.example\"]\n\
         addresses = [\"http://{address}\"]\n"
    );
    let public = "public = \"https://docs.example\"";
    let gateway = Gateway::with(address, public, &[site.as_str(), LINKED].concat(), &[]);
    assert_eq!(ask_as(gateway.http(), "docs.example", "/guide"), 200);
    assert_eq!(ask_as(gateway.http(), "docs.example", "/other"), 426);
}

/// `/metrics` and `/api` are served only under the admin listener's own host. `/metrics` once
/// accepted any `Host`, so a page of another site could read it by DNS rebinding.
#[test]
fn metrics_are_for_this_host_only() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), "");
    let own = gateway.admin();
    for (host, status) in [
        ("evil.example".to_owned(), 403),
        (format!("evil.example:{}", own.port()), 403),
        ("127.0.0.1.evil.example".to_owned(), 403),
        (own.to_string(), 200),
        (format!("localhost:{}", own.port()), 200),
    ] {
        for path in ["/metrics", "/api/status"] {
            assert_eq!(ask_as(own, &host, path), status, "{host}{path}");
        }
    }
}
