//! Fields that a program behind the gateway mistakes for another: to CGI (RFC 3875 §4.1.18), PHP
//! and WSGI, `X_Api_Version` is `X-Api-Version`. Also covers two lines of a field that has one
//! value.

use interop::h2_frames::*;
use interop::{Gateway, Recorder, Reply};

use super::{PROXY, assert_none, get, is_refused};

/// Rules and exemptions with each kind of reader, the rules on paths of their own.
const RULES: &str = r#"
[[rule]]
id      = "api"
paths   = ["/api/**"]
require = { api = { minimum = "2.0", read = "header:X-Api-Version" } }
on      = { missing = "refuse", ambiguous = "refuse", malformed = "refuse" }

[[rule]]
id      = "apps"
paths   = ["/app/**"]
require = { client = { read = ["header:X-Client-Version"], minimum = { Acme = "5.1" } } }

[[rule]]
id      = "relay"
paths   = ["/relay/**"]
headers = ["X-Region: eu"]
require = { protocol = "derp/2" }
[rule.rollout]
identity = ["header:X-Api-Key"]
warn     = 2020-01-01
enforce  = 2020-02-01

[[exemption]]
id      = "kiosks"
headers = ["X-Kiosk: 1"]
reason  = "kiosks are replaced in spring"
owner   = "retail-team"
expires = 2099-01-01

[[exemption]]
id         = "partners"
identities = ["k-17"]
reason     = "partners move in spring"
owner      = "api-team"
expires    = 2099-01-01
"#;

/// The fields that [`RULES`] and [`PROXY`] read.
const READ: [&str; 7] = [
    // The last two are of proxies, the others of rules, exemptions and identities.
    "X-Api-Version",
    "X-Client-Version",
    "X-Region",
    "X-Kiosk",
    "X-Api-Key",
    "X-Forwarded-For",
    "X-Client-TLS",
];

/// Other spellings of the fields that the gateway reads are not forwarded. The gateway would decide
/// on the field, and the upstream might read the other spelling.
#[test]
fn twins_of_fields_that_are_read_do_not_cross() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), &[PROXY, RULES].concat());
    let mut wrong = Vec::new();
    for name in READ {
        for twin in twins(name) {
            let reply = get(&gateway, "/elsewhere", &format!("{twin}: 9.9\r\n"));
            if !matches!(reply.status, 200 | 400) {
                wrong.push(format!("{twin}: {}", reply.status));
            }
            let lower = twin.to_ascii_lowercase();
            if !is_taken_over_http2(&gateway, &lower, "9.9") {
                wrong.push(format!("{twin} over HTTP/2"));
            }
        }
    }
    for request in upstream.requests() {
        for (name, value) in &request.fields {
            if value == "9.9" {
                wrong.push(format!("{name} crossed: {}", request.line));
            }
        }
    }
    assert_none(&wrong);
}

/// If a request has a field in both spellings, only the field itself is forwarded.
#[test]
fn a_twin_beside_its_field_does_not_cross() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), &[PROXY, RULES].concat());
    let mut wrong = Vec::new();
    for twin in twins("X-Api-Version") {
        let (own, other) = ("X-Api-Version: 2.0\r\n", format!("{twin}: 1.0\r\n"));
        for lines in [format!("{own}{other}"), format!("{other}{own}")] {
            let reply = get(&gateway, "/api/orders", &lines);
            if reply.status != 200 && !is_refused(&reply) {
                wrong.push(format!("{lines:?}: {}", reply.status));
            }
        }
    }
    for request in upstream.requests() {
        if request.fields.iter().any(|(_, value)| value == "1.0") {
            wrong.push(format!("{:?}", request.fields));
        }
    }
    assert_none(&wrong);
}

/// Two lines of a field earn no exemption, and neither does another spelling of it. The gateway
/// would read one line, and the upstream might read the other.
#[test]
fn two_lines_of_an_exempt_field_are_no_excuse() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), &[PROXY, RULES].concat());
    let relay = "X-Region: eu\r\n";
    for line in ["X-Kiosk: 1\r\n", "X-Api-Key: k-17\r\n"] {
        assert_eq!(get(&gateway, "/relay/a", &format!("{relay}{line}")).status, 200, "{line:?}");
    }
    let mut wrong = Vec::new();
    for lines in [
        "X-Kiosk: 1\r\nX-Kiosk: 0\r\n",
        "X-Kiosk: 0\r\nX-Kiosk: 1\r\n",
        "X-Api-Key: k-17\r\nX-Api-Key: k-18\r\n",
        "X-Api-Key: k-18\r\nX-Api-Key: k-17\r\n",
        "X_Api_Key: k-18\r\nX-Api-Key: k-18\r\n",
        "X_Kiosk: 1\r\n",
        "X_Api_Key: k-17\r\n",
    ] {
        let reply: Reply = get(&gateway, "/relay/a", &format!("{relay}{lines}"));
        if !is_refused(&reply) {
            wrong.push(format!("{lines:?}: {}", reply.status));
        }
    }
    assert_none(&wrong);
}

/// `Proxy` is not forwarded: a CGI program would find it as `HTTP_PROXY`, and send its own requests
/// through that address (CVE-2016-5385).
#[test]
fn proxy_does_not_cross() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), "");
    for name in ["Proxy", "proxy", "PROXY"] {
        let reply = get(&gateway, "/", &format!("{name}: http://evil.example/\r\n"));
        assert!(matches!(reply.status, 200 | 400), "{reply:?}");
    }
    assert!(is_taken_over_http2(&gateway, "proxy", "evil.example"));
    for request in upstream.requests() {
        assert_eq!(request.values("proxy"), [""; 0], "{}", request.line);
    }
}

/// Sends a GET with one more field over HTTP/2. Returns true if it is served or refused as
/// malformed.
fn is_taken_over_http2(gateway: &Gateway, name: &str, value: &str) -> bool {
    let mut fields = pseudo_fields("GET", "/h2").to_vec();
    fields.push((name, value));
    let asked = ask_http2(gateway.http(), &frame(HEADERS, WHOLE, 1, &field_block(&fields)));
    asked.is_ok_and(|reply| reply.status == Some(200) || reply.is_malformed())
}

/// Other spellings of a name that become the same CGI variable.
fn twins(name: &str) -> [String; 4] {
    let last = name.rfind('-').unwrap_or_default();
    let (head, tail) = name.split_at(last);
    [
        name.replace('-', "_"),
        name.replace('-', "."),
        name.replace('-', "_").to_ascii_lowercase(),
        format!("{head}_{}", &tail[1..]),
    ]
}
