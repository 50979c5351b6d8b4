//! Built-in exemptions: a client cannot earn one by what it writes into a request.
//!
//! Without any configuration, the `User-Agent` of a health checker once exempted every path, method
//! and network, and the fields of a CORS preflight exempted OPTIONS requests that were no
//! preflight. A method in the wrong case evaded `methods`.

use interop::h2_frames::*;
use interop::{Gateway, Recorder};

use super::{PROXY, REFUSED, assert_none, get, is_refused, send_one};

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

const AGENTS: [&str; 3] = ["kube-probe/1.29", "ELB-HealthChecker/2.0", "GoogleHC/1.0"];

/// A request from a public address is refused even with the `User-Agent` of a health checker: those
/// connect from inside.
#[test]
fn a_health_checker_from_a_public_address_is_refused() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), &[PROXY, REFUSED].concat());
    let mut wrong = Vec::new();
    for agent in AGENTS {
        for method in ["GET", "HEAD", "POST", "DELETE"] {
            for address in ["198.51.100.7", "2001:db8::7"] {
                let fields = format!("User-Agent: {agent}\r\nX-Forwarded-For: {address}\r\n");
                let reply = send_one(&gateway, method, "/orders", &fields, "");
                if !is_refused(&reply) {
                    wrong.push(format!("{method} {agent} from {address}: {}", reply.status));
                }
            }
        }
    }
    assert_none(&wrong);
}

/// A client whose address the proxy does not report is not taken for a health checker, although the
/// proxy itself has a private address.
#[test]
fn a_client_whose_address_is_not_told_is_no_health_checker() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), &[PROXY, REFUSED].concat());
    let mut wrong = Vec::new();
    for list in [
        "unknown",
        "_hidden",
        "",
        "198.51.100.7, x",
        "unknown, 127.0.0.1",
        "08.8.8.8",
        "fe80::1%eth0",
    ] {
        let fields = format!("User-Agent: kube-probe/1.29\r\nX-Forwarded-For: {list}\r\n");
        if !is_refused(&get(&gateway, "/orders", &fields)) {
            wrong.push(list.to_owned());
        }
    }
    assert_none(&wrong);
}

/// A health checker at a private address is exempt for GET, but not for methods that change
/// something.
#[test]
fn a_health_checker_does_nothing_but_look() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), REFUSED);
    let mut wrong = Vec::new();
    for agent in AGENTS {
        let fields = format!("User-Agent: {agent}\r\n");
        assert_eq!(get(&gateway, "/healthz", &fields).status, 200, "{agent}");
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let reply = send_one(&gateway, method, "/orders", &fields, "");
            if !is_refused(&reply) {
                wrong.push(format!("{method} {agent}: {}", reply.status));
            }
        }
    }
    assert_none(&wrong);
}

/// Fetch §4.8: a CORS preflight is an OPTIONS request that has an `Origin` and no content. A
/// request that is anything else, or overrides its method, is refused despite the fields of a
/// preflight.
#[test]
fn what_is_no_preflight_is_refused() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), REFUSED);
    let asks = "Access-Control-Request-Method: DELETE\r\n";
    let preflight = format!("Origin: https://app.example\r\n{asks}");
    assert_eq!(send_one(&gateway, "OPTIONS", "/orders", &preflight, "").status, 200);
    let mut wrong = Vec::new();
    for (method, fields, content) in [
        ("OPTIONS", asks.to_owned(), ""),
        ("OPTIONS", format!("Origin:\r\n{asks}"), ""),
        ("OPTIONS", format!("{preflight}Content-Length: 5\r\n"), "hello"),
        ("OPTIONS", format!("{preflight}{CHUNKED}"), "5\r\nhello\r\n0\r\n\r\n"),
        ("OPTIONS", format!("{preflight}X-HTTP-Method-Override: DELETE\r\n"), ""),
        ("OPTIONS", format!("{preflight}X-HTTP-Method: DELETE\r\n"), ""),
        ("OPTIONS", format!("{preflight}X-Method-Override: DELETE\r\n"), ""),
        ("OPTIONS", format!("{preflight}X_HTTP_Method_Override: DELETE\r\n"), ""),
        ("DELETE", preflight.clone(), ""),
        ("options", preflight, ""),
    ] {
        let reply = send_one(&gateway, method, "/orders", &fields, content);
        if reply.status == 200 {
            wrong.push(format!("{method} {fields:?}"));
        }
    }
    assert_none(&wrong);
}

/// A method in the wrong case evades no rule: `get` is not in `methods`, but servers that ignore
/// the case would serve it as GET.
#[test]
fn a_method_in_another_case_evades_no_rule() {
    let rule = "[[rule]]\nid = \"relay\"\nmethods = [\"GET\", \"POST\"]\n\
        require = { protocol = \"derp/2\" }\n";
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), rule);
    for method in ["get", "Get", "gET", "head", "post", "Post"] {
        let reply = send_one(&gateway, method, "/orders", "", "");
        let turned_away = matches!(reply.status, 400 | 405 | 426 | 501);
        assert!(turned_away, "{method}: {}", reply.status);
    }
    for method in ["get", "Post"] {
        let block = field_block(&pseudo_fields(method, "/orders"));
        let asked = ask_http2(gateway.http(), &frame(HEADERS, WHOLE, 1, &block));
        assert!(asked.is_ok_and(|reply| reply.status != Some(200)), "{method} over HTTP/2");
    }
    assert_eq!(upstream.lines(), [""; 0]);
}
