//! What crosses the gateway, and what does not.

use std::io::Write;

use crate::support::{Running, TestUpstream, connect, exchange, field, read_message, status};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// RFC 9110 §7.6.3, RFC 7239, RFC 9112 §3.2.
#[test]
fn a_request_crosses_with_the_fields_of_this_hop() {
    let upstream = TestUpstream::answering(OK);
    let gateway = Running::before(&upstream);
    let answer = exchange(
        gateway.http(),
        "GET /a%2Fb//../c?x=%20y HTTP/1.1\r\nHost: a.example:81\r\nX-Mine: 1\r\nX-Forwarded-For: 6.6.6.6\r\n\
         Forwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\r\n",
    );
    assert_eq!(status(&answer), 200, "{answer}");
    assert!(answer.ends_with("\r\n\r\nok"));
    assert_eq!(field(&answer, "via").as_deref(), Some("1.1 upshift"));
    assert!(field(&answer, "x-request-id").is_some_and(|id| id.len() == 32));
    let request = upstream.only();
    assert!(request.starts_with("GET /a%2Fb//../c?x=%20y HTTP/1.1\r\n"), "{request}");
    assert_eq!(field(&request, "host").as_deref(), Some("a.example:81"));
    assert_eq!(field(&request, "x-mine").as_deref(), Some("1"));
    assert_eq!(field(&request, "x-forwarded-for").as_deref(), Some("127.0.0.1"));
    assert_eq!(field(&request, "x-forwarded-proto").as_deref(), Some("http"));
    assert_eq!(field(&request, "x-forwarded-host").as_deref(), Some("a.example:81"));
    assert_eq!(
        field(&request, "forwarded").as_deref(),
        Some("for=127.0.0.1;host=\"a.example:81\";proto=http")
    );
    assert_eq!(field(&request, "via").as_deref(), Some("1.1 upshift"));
    assert_eq!(field(&request, "x-request-id"), field(&answer, "x-request-id"));
    for gone in ["x-hop", "connection", "x-real-ip"] {
        assert_eq!(field(&request, gone), None, "{gone} crossed: {request}");
    }
}

/// RFC 9112 §3.2.4: "the last proxy on the request chain MUST send a request-target of "*"". It was
/// `/`.
#[test]
fn options_for_a_whole_server_cross_as_an_asterisk() {
    for (method, target, forwarded) in [
        ("OPTIONS", "http://b.example:81", "*"),
        ("OPTIONS", "http://b.example:81/", "/"),
        ("OPTIONS", "http://b.example:81?x", "/?x"),
        ("OPTIONS", "*", "*"),
        ("GET", "http://b.example:81", "/"),
    ] {
        let upstream = TestUpstream::answering(OK);
        let gateway = Running::before(&upstream);
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: b.example:81\r\nConnection: close\r\n\r\n"
        );
        let answer = exchange(gateway.http(), &request);
        assert_eq!(status(&answer), 200, "{answer}");
        let received = upstream.only();
        let line = format!("{method} {forwarded} HTTP/1.1\r\n");
        assert!(received.starts_with(&line), "{target}: {received}");
        assert_eq!(field(&received, "host").as_deref(), Some("b.example:81"));
    }
}

/// RFC 9110 §7.8, RFC 9113 §3.1: an offer to switch is this hop's alone, named in `Connection` or
/// not.
#[test]
fn an_offer_of_h2c_does_not_cross() {
    let upstream = TestUpstream::answering(OK);
    let gateway = Running::before(&upstream);
    let answer = exchange(
        gateway.http(),
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: foo, h2c\r\nUpgrade: bar\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\
         Connection: Upgrade, close\r\n\r\n",
    );
    assert_eq!(status(&answer), 200, "{answer}");
    let request = upstream.only();
    assert_eq!(field(&request, "upgrade"), None);
    assert_eq!(field(&request, "http2-settings"), None);
}

/// RFC 9110 §7.6.1: options that name what frames or routes the message change nothing.
#[test]
fn naming_host_and_content_length_in_connection_gains_nothing() {
    let upstream = TestUpstream::answering(OK);
    let gateway = Running::before(&upstream);
    let answer = exchange(
        gateway.http(),
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close, Host, Content-Length\r\nContent-Length: 3\r\n\r\nabc",
    );
    assert_eq!(status(&answer), 200, "{answer}");
    let request = upstream.only();
    assert_eq!(field(&request, "host").as_deref(), Some("a"));
    assert_eq!(field(&request, "content-length").as_deref(), Some("3"));
    assert!(request.ends_with("\r\n\r\nabc"));
}

#[test]
fn connections_are_kept_on_both_sides() {
    let upstream = TestUpstream::answering(OK);
    let gateway = Running::before(&upstream);
    let mut client = connect(gateway.http());
    for _ in 0..3 {
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("written");
        assert_eq!(status(&read_message(&mut client).expect("an answer")), 200);
    }
    assert_eq!(upstream.seen().len(), 3);
}

/// RFC 9112 §7.1.2, RFC 9110 §6.5.1, §10.1.4.
#[test]
fn announced_trailers_cross_in_both_directions() {
    let upstream = TestUpstream::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 9\r\n\r\n",
    );
    let gateway = Running::before(&upstream);
    let answer = exchange(
        gateway.http(),
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close, TE\r\nTE: trailers\r\nTrailer: X-End\r\n\
         Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-End: 7\r\n\r\n",
    );
    assert!(answer.to_ascii_lowercase().contains("0\r\nx-sum: 9\r\n\r\n"), "{answer}");
    let request = upstream.only().to_ascii_lowercase();
    assert!(request.to_ascii_lowercase().contains("0\r\nx-end: 7\r\n\r\n"), "{request}");
    assert_eq!(field(&request, "te").as_deref(), Some("trailers"));
    assert_eq!(field(&request, "connection").as_deref(), Some("te"));
}

/// RFC 9110 §9.3.2: no content, and the length that a GET would have.
#[test]
fn head_keeps_the_length_and_has_no_body() {
    let upstream = TestUpstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n");
    let gateway = Running::before(&upstream);
    let answer =
        exchange(gateway.http(), "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(field(&answer, "content-length").as_deref(), Some("1234"));
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

/// RFC 9112 §9.3, Appendix C.2.2: an HTTP/1.0 client gets no chunks, and a close where there is no
/// length.
#[test]
fn http_1_0_gets_what_it_can_read() {
    let upstream = TestUpstream::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    );
    let gateway = Running::before(&upstream);
    let answer = exchange(gateway.http(), "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(field(&answer, "transfer-encoding"), None, "{answer}");
    assert_eq!(field(&answer, "connection").as_deref(), Some("close"));
    assert!(answer.ends_with("\r\n\r\nok"));
    let request = upstream.only();
    assert_eq!(field(&request, "via").as_deref(), Some("1.0 upshift"));
}

#[test]
fn http_1_0_keeps_the_connection_where_the_length_is_known() {
    let upstream = TestUpstream::answering(OK);
    let gateway = Running::before(&upstream);
    let mut client = connect(gateway.http());
    for _ in 0..2 {
        client.write_all(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").expect("written");
        let answer = read_message(&mut client).expect("an answer");
        assert_eq!(field(&answer, "connection").as_deref(), Some("keep-alive"), "{answer}");
    }
}

/// RFC 9112 §9.3.2.
#[test]
fn pipelined_requests_are_answered_in_order() {
    let upstream = TestUpstream::scripted(|request| {
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        Some(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len()))
    });
    let gateway = Running::before(&upstream);
    let mut requests = String::new();
    for index in 0..8 {
        let close = if index == 7 { "Connection: close\r\n" } else { "" };
        requests += &format!("GET /{index} HTTP/1.1\r\nHost: a\r\n{close}\r\n");
    }
    let answers = exchange(gateway.http(), &requests);
    let bodies: Vec<&str> = answers
        .split("HTTP/1.1 200 OK")
        .skip(1)
        .filter_map(|answer| answer.split("\r\n\r\n").nth(1))
        .collect();
    assert_eq!(bodies, ["/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7"]);
}

/// RFC 9112 §9.3.2 lets clients pipeline, and the network cuts what they send wherever it likes.
#[test]
fn an_answer_does_not_wait_for_the_rest_of_the_next_request() {
    let upstream = TestUpstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let gateway = Running::before(&upstream);
    let mut client = connect(gateway.http());
    client.write_all(b"GET /one HTTP/1.1\r\nHost: a\r\n\r\nGET /tw").expect("written");
    assert_eq!(status(&read_message(&mut client).expect("an answer")), 200);
    client.write_all(b"o HTTP/1.1\r\nHost: a\r\n\r\n").expect("written");
    assert_eq!(status(&read_message(&mut client).expect("an answer")), 200);
}

/// A body is a body, whatever the method.
#[test]
fn the_content_of_a_chunked_get_reaches_the_upstream() {
    let upstream = TestUpstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let gateway = Running::before(&upstream);
    let head =
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = exchange(gateway.http(), &format!("{head}5\r\nhello\r\n0\r\n\r\n"));
    assert_eq!(status(&answer), 200);
    assert!(upstream.only().ends_with("5\r\nhello\r\n0\r\n\r\n"), "{}", upstream.only());
}
