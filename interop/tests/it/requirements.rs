//! Each kind of requirement, with the gateway in front of nginx: curl gets 426 with `Upgrade` and
//! `Connection` over HTTP/1.1, 426 without these fields over HTTP/2, and 200 once it complies.

use interop::{Gateway, Nginx, Reply, peers};

use crate::sample::{HANDSHAKE, RULES};

/// An HTTP/1.1 request that does not comply: curl's arguments, the path, the expected `Upgrade`,
/// and a field that must be in `Vary`.
const REFUSED: &[(&[&str], &str, &str, &str)] = &[
    (&[], "/account/me", "TLS/1.2", ""),
    (&[], "/feeds/a", "HTTP/2.0", ""),
    (&[], "/video/a", "HTTP/3.0", ""),
    (&[], "/chat", "websocket", ""),
    (&[], "/derp", "derp/2", ""),
    (&["-H", "X-Api-Version: 1.4"], "/api/orders", "orders-v2/2.0", "x-api-version"),
    (&["-H", "X-Client-Version: AcmeApp/5.0"], "/app/", "AcmeApp/5.1", "x-client-version"),
    (&["-H", "User-Agent: AcmeApp/5.0 (Android 14)"], "/app/", "AcmeApp/5.1", "user-agent"),
    (&["-H", "X-Client-Version: AcmeApp/5.3.0"], "/app/", "AcmeApp", "x-client-version"),
];

#[test]
fn each_kind_is_refused_on_http_1_1_with_upgrade_and_connection() {
    peers!("nginx", "curl");
    let nginx = Nginx::start();
    let gateway = Gateway::start(nginx.address(), RULES);
    for (arguments, path, upgrade, vary) in REFUSED {
        let reply = gateway.curl(&[&["--http1.1"], *arguments, &[&gateway.url(path)]].concat());
        assert_eq!(
            (reply.status, reply.field("upgrade").as_str()),
            (426, *upgrade),
            "{path}: {reply:?}"
        );
        assert!(reply.connection_has("upgrade"), "{path}: {reply:?}");
        helps(path, &reply, vary);
    }
}

#[test]
fn each_kind_is_refused_on_http_2_without_them() {
    peers!("nginx", "curl");
    let nginx = Nginx::start();
    let gateway = Gateway::start(nginx.address(), RULES);
    // Over cleartext HTTP/2, only TLS is missing, and no longer HTTP/2 itself.
    for (arguments, path, upgrade, vary) in
        REFUSED.iter().filter(|(_, path, ..)| *path != "/feeds/a")
    {
        let reply = gateway
            .curl(&[&["--http2-prior-knowledge"], *arguments, &[&gateway.url(path)]].concat());
        assert_eq!((reply.protocol.as_str(), reply.status), ("HTTP/2", 426), "{path}: {reply:?}");
        assert!(!reply.has("upgrade") && !reply.has("connection"), "{path}: {reply:?}");
        let named = upgrade.split('/').next().unwrap_or_default();
        assert!(
            reply.text().contains(named),
            "{path}: the body does not name {named}: {}",
            reply.text()
        );
        helps(path, &reply, vary);
    }
}

#[test]
fn who_complies_gets_the_file() {
    peers!("nginx", "curl");
    let nginx = Nginx::start();
    let gateway = Gateway::start(nginx.address(), RULES);
    let complies: &[(&[&str], String)] = &[
        (&["--http1.1", "--tls-max", "1.2"], gateway.secure_url("/account/me")),
        (&["--http1.1", "--tlsv1.3"], gateway.secure_url("/vault/a")),
        (&["--http2-prior-knowledge"], gateway.url("/feeds/a")),
        (&["--http2"], gateway.secure_url("/feeds/a")),
        (&["-H", "X-Api-Version: 2.0"], gateway.url("/api/orders")),
        (&[], gateway.url("/api/v2/orders")),
        (&[], gateway.url("/api/orders?api-version=2.1")),
        (&["-H", "X-Client-Version: AcmeApp/5.1"], gateway.url("/app/")),
        (&["-H", "X-Client-Version: AcmeApp/5.10"], gateway.url("/app/")),
        (&[], gateway.url("/app/")),
        (&[], gateway.url("/elsewhere")),
    ];
    for (arguments, url) in complies {
        let reply = gateway.curl(&[*arguments, &[url]].concat());
        assert_eq!(reply.status, 200, "{arguments:?} {url}: {reply:?}");
        assert!(reply.text().contains("real files"), "{url}");
    }
}

#[test]
fn an_unoffered_subprotocol_is_400_and_not_426() {
    peers!("nginx", "curl");
    let nginx = Nginx::start();
    let gateway = Gateway::start(nginx.address(), RULES);
    let wrong = ["--http1.1", "-H", "Sec-WebSocket-Protocol: chat.v1"];
    let reply = gateway.curl(&[&wrong, HANDSHAKE, &[&gateway.url("/chat")]].concat());
    assert_eq!(reply.status, 400, "{reply:?}");
    assert!(!reply.has("upgrade") && reply.text().contains("chat.v2"), "{reply:?}");
}

/// Checks what every refusal has, for any requirement and over any protocol.
fn helps(path: &str, reply: &Reply, vary: &str) {
    assert_eq!(reply.field("cache-control"), "no-store", "{path}");
    assert!(
        reply.field("vary").to_ascii_lowercase().contains(vary),
        "{path}: {}",
        reply.field("vary")
    );
    assert_eq!(reply.field("content-type"), "application/problem+json", "{path}");
    let problem = reply.json();
    for member in ["type", "title", "status", "detail", "rule", "reason", "required", "request_id"]
    {
        assert!(
            !problem[member].is_null() || member == "reason",
            "{path}: no {member} in {}",
            reply.text()
        );
    }
    assert_eq!(problem["status"], 426, "{path}");
    assert!(
        problem["detail"].as_str().is_some_and(|detail| detail.len() > 20),
        "{path}: {}",
        reply.text()
    );
}
