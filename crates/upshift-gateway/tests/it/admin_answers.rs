//! Answers of the admin listener to requests that it cannot serve: in our words, and in the format
//! that their sender reads.

use crate::support::{Running, TestUpstream, exchange, field, settings_with, status};

const TOKEN: &str = "a secret of some length";

fn start(token: Option<&str>) -> Running {
    let upstream = TestUpstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    Running::start(settings_with(upstream.address, |settings| {
        settings.admin_token = token.map(str::to_owned);
    }))
}

fn ask(gateway: &Running, request_line: &str) -> String {
    let admin = gateway.addresses.admin.expect("an admin listener");
    let head = "Host: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    exchange(admin, &format!("{request_line} HTTP/1.1\r\n{head}"))
}

/// The words of the web framework, which a person cannot use.
const FRAMEWORK: [&str; 3] = ["Failed to", "Invalid UTF-8", "deserialize"];

#[test]
fn a_method_that_a_route_does_not_have_is_named() {
    let gateway = start(None);
    for (request, content_type, allow) in [
        ("DELETE /api/status", "application/problem+json", "GET,HEAD"),
        ("GET /api/pause", "application/problem+json", "POST"),
        ("GET /api/explain", "application/problem+json", "POST"),
        ("POST /metrics", "application/problem+json", "GET,HEAD"),
        ("POST /healthz", "application/problem+json", "GET,HEAD"),
        ("DELETE /", "text/html; charset=utf-8", "GET,HEAD"),
        ("GET /logout", "text/html; charset=utf-8", "POST"),
        ("PUT /login", "text/html; charset=utf-8", "GET,HEAD,POST"),
    ] {
        let reply = ask(&gateway, request);
        assert_eq!(status(&reply), 405, "{request}: {reply}");
        assert_eq!(field(&reply, "content-type").as_deref(), Some(content_type), "{request}");
        assert_eq!(field(&reply, "allow").as_deref(), Some(allow), "{request}: {reply}");
        let method = request.split(' ').next().unwrap_or_default();
        assert!(reply.contains(&format!(" has no {method}")), "{request}: {reply}");
    }
}

#[test]
fn an_address_that_cannot_be_read_is_answered_in_words() {
    let gateway = start(None);
    for (target, content_type, part) in [
        (
            "/api/revisions?limit=many",
            "application/problem+json",
            "the query cannot be read (limit",
        ),
        ("/api/trips?limit=-1", "application/problem+json", "the query cannot be read (limit"),
        ("/api/adoption?since=a&since=b", "application/problem+json", "the query cannot be read"),
        ("/api/evidence?to=a&to=b", "application/problem+json", "the query cannot be read"),
        ("/?period=7d&period=30d", "text/html; charset=utf-8", "This address cannot be read"),
        ("/rules/a?period=7d&period=7d", "text/html; charset=utf-8", "This address cannot be read"),
        ("/rules/%ff", "text/html; charset=utf-8", "This address cannot be read"),
        ("/changes/%ff", "text/html; charset=utf-8", "This address cannot be read"),
        ("/login?next=a&next=b", "text/html; charset=utf-8", "This address cannot be read"),
    ] {
        let reply = ask(&gateway, &format!("GET {target}"));
        assert_eq!(status(&reply), 400, "{target}: {reply}");
        assert_eq!(field(&reply, "content-type").as_deref(), Some(content_type), "{target}");
        assert!(reply.contains(part), "{target}: {reply}");
        for words in FRAMEWORK {
            assert!(!reply.contains(words), "{target}: {reply}");
        }
    }
}

#[test]
fn a_missing_token_is_asked_for_with_its_place() {
    let gateway = start(Some(TOKEN));
    for request in ["GET /api/status", "DELETE /api/status", "GET /events"] {
        let reply = ask(&gateway, request);
        assert_eq!(status(&reply), 401, "{request}: {reply}");
        assert_eq!(field(&reply, "www-authenticate").as_deref(), Some("Bearer"), "{request}");
        let place = "send the admin token of the policy file (gateway.admin-token)";
        assert!(reply.contains(place), "{request}: {reply}");
    }
}
