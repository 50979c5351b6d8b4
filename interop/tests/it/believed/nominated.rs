//! The `Connection` field: it removes every field that it names (RFC 9110 §7.6.1), except those
//! that a declared proxy sets.

use interop::{Gateway, Recorder};

use super::{PROXY, assert_none, get, is_refused};

const RULES: &str = r#"
[[rule]]
id      = "tls"
paths   = ["/tls/**"]
require = { tls = "1.2" }

[[rule]]
id      = "http"
paths   = ["/http/**"]
require = { http = "2" }

[[rule]]
id      = "peers"
paths   = ["/peers/**"]
peers   = ["!127.0.0.0/8"]
require = { protocol = "derp/2" }
"#;

/// A client cannot remove a declared proxy's fields by naming them in `Connection`. Naming
/// `X-Forwarded-Proto` there once lifted every `tls` rule behind a proxy: the field was removed
/// before it was read, and an unknown scheme was admitted. All four fields of `reads` are tested.
#[test]
fn connection_takes_no_field_of_a_declared_proxy_away() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), &[PROXY, RULES].concat());
    let mut wrong = Vec::new();
    for (target, field, value) in [
        ("/tls/a", "X-Forwarded-Proto", "http"),
        ("/tls/a", "X-Client-TLS", "TLSv1.1"),
        ("/http/a", "X-Client-HTTP", "HTTP/1.1"),
        ("/peers/a", "X-Forwarded-For", "198.51.100.7"),
    ] {
        let line = format!("{field}: {value}\r\n");
        assert!(is_refused(&get(&gateway, target, &line)), "{field} is read");
        for connection in nominations(field) {
            let reply = get(&gateway, target, &format!("{connection}{line}"));
            if !is_refused(&reply) {
                wrong.push(format!("{connection:?}: {}", reply.status));
            }
        }
    }
    wrong.extend(upstream.lines());
    assert_none(&wrong);
}

/// A declared proxy that reports `https` is still trusted if `Connection` names its field.
#[test]
fn a_declared_proxy_is_believed_despite_connection() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), &[PROXY, RULES].concat());
    for connection in nominations("X-Forwarded-Proto") {
        let reply = get(&gateway, "/tls/a", &format!("{connection}X-Forwarded-Proto: https\r\n"));
        assert!(matches!(reply.status, 200 | 400), "{connection:?}: {}", reply.status);
    }
}

/// Every option of `Connection` removes its field, however many there are. Only the first 64 used
/// to be read, and the fields that the others named were forwarded.
#[test]
fn every_option_of_connection_takes_its_field_away() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), "");
    let mut wrong = Vec::new();
    let padding: String = (0..69).map(|number| format!("x-{number}, ")).collect();
    let lines: String = (0..69).map(|number| format!("Connection: x-{number}\r\n")).collect();
    for connection in [
        format!("Connection: {padding}X-Secret\r\n"),
        format!("{lines}Connection: X-Secret\r\n"),
        format!("Connection: {}X-Secret\r\n", ",".repeat(300)),
        "Connection: \"a, X-Secret\r\nConnection: X-Secret\r\n".to_owned(),
    ] {
        let reply = get(&gateway, "/", &format!("{connection}X-Secret: 1\r\n"));
        if !matches!(reply.status, 200 | 400) {
            wrong.push(format!("{connection:?}: {}", reply.status));
        }
    }
    for request in upstream.requests() {
        if !request.values("x-secret").is_empty() {
            wrong.push(format!("{:?}", request.fields));
        }
    }
    assert_none(&wrong);
}

fn nominations(field: &str) -> [String; 4] {
    let lower = field.to_ascii_lowercase();
    [
        format!("Connection: {field}\r\n"),
        format!("Connection: close, {lower}\r\n"),
        format!("Connection: keep-alive\r\nConnection: {lower}\r\n"),
        format!("Connection: {}{field}\r\n", "x, ".repeat(70)),
    ]
}
