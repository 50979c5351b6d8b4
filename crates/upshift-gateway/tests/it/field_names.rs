//! The names of fields between two connections of HTTP/1. RFC 9110 §5.1: they compare without case,
//! but some peers compare them byte by byte.

use std::io::Write;

use crate::support::{Running, TestUpstream, connect, exchange, read_message, status};
use crate::upstream_http1::{RawUpstream, read_head};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The names of the fields of a message, sorted without case.
fn names(message: &str) -> Vec<&str> {
    let head = message.split("\r\n\r\n").next().unwrap_or_default();
    let lines = head.lines().skip(1);
    let mut names: Vec<&str> = lines.filter_map(|line| line.split(':').next()).collect();
    names.sort_by_key(|name| name.to_ascii_lowercase());
    names
}

/// Catches a name in another case than the client wrote, or a field of the gateway's own in the
/// case of a client's, which could hide it from an upstream.
#[test]
fn an_upstream_gets_the_names_of_the_client() {
    let upstream = TestUpstream::answering(OK);
    let gateway = Running::before(&upstream);
    let request = "POST / HTTP/1.1\r\nhost: a\r\nx-api-VERSION: 1\r\nX-A: 1\r\nx-hop: 2\r\n\
        sec-ch-ua: 3\r\nx-a: 4\r\nConnection: x-hop, TE, close\r\nTE: trailers\r\n\
        X-FORWARDED-FOR: 9.9.9.9\r\nforwarded: for=9.9.9.9\r\nvia: 1.0 a\r\n\
        traceparent: 00-11111111111111111111111111111111-2222222222222222-01\r\n\
        content-LENGTH: 3\r\nX-Correlation-ID: 5\r\n\r\nabc";
    let answer = exchange(gateway.http(), request);
    assert_eq!(status(&answer), 200, "{answer}");
    let only = upstream.only();
    assert_eq!(
        names(&only),
        [
            "Connection",
            "Content-Length",
            "Forwarded",
            "Host",
            "sec-ch-ua",
            "TE",
            "traceparent",
            "via",
            "Via",
            "X-A",
            "x-a",
            "x-api-VERSION",
            "X-Correlation-ID",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "X-Forwarded-Proto",
            "X-Request-Id"
        ]
    );
}

/// The same for those of the upstream.
#[test]
fn a_client_gets_the_names_of_the_upstream() {
    for code in ["200 OK", "304 Not Modified", "401 Unauthorized"] {
        let upstream = TestUpstream::scripted(move |_| {
            Some(format!(
                "HTTP/1.1 {code}\r\nETag: \"a\"\r\nWWW-Authenticate: b\r\nserver: c\r\n\
                x-hop: d\r\nconnection: x-hop\r\nDATE: e\r\nx-request-id: f\r\n\
                Set-Cookie: g\r\nset-cookie: h\r\nContent-Length: 0\r\n\r\n"
            ))
        });
        let gateway = Running::before(&upstream);
        let answer =
            exchange(gateway.http(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_eq!(
            names(&answer),
            [
                "Connection",
                "Content-Length",
                "DATE",
                "ETag",
                "server",
                "Set-Cookie",
                "set-cookie",
                "Via",
                "WWW-Authenticate",
                "X-Request-Id"
            ]
        );
    }
}

#[test]
fn interim_responses_and_switches_keep_their_names() {
    let upstream = RawUpstream::start(|mut stream| {
        let request = read_head(&mut stream);
        assert!(request.contains("\r\nSec-WebSocket-KEY: "), "{request}");
        let answer = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\nX-ID: 1\r\n\r\n\
            HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nx-served-BY: b\r\n\r\n";
        let _ = stream.write_all(answer.as_bytes());
        read_message(&mut stream);
    });
    let gateway = upstream.gateway();
    let mut client = connect(gateway.http());
    let handshake = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-KEY: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let _ = client.write_all(handshake.as_bytes());
    assert_eq!(names(&read_head(&mut client)), ["link", "Via", "X-ID"]);
    let switch = read_head(&mut client);
    assert_eq!(
        names(&switch),
        [
            "Connection",
            "Date",
            "Sec-WebSocket-Accept",
            "Upgrade",
            "Via",
            "X-Request-Id",
            "x-served-BY"
        ]
    );
}

/// Also of a response that begins before its request has ended.
#[test]
fn trailers_keep_their_names() {
    for is_early in [false, true] {
        let upstream = RawUpstream::start(move |mut stream| {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n";
            if is_early {
                read_head(&mut stream);
                let _ = stream.write_all(head.as_bytes());
                let _ = read_head(&mut stream);
            } else {
                let request = read_message(&mut stream).unwrap_or_default();
                assert!(request.ends_with("\r\n0\r\nx-SUM: 1\r\nX-End: 2\r\n\r\n"), "{request}");
                let _ = stream.write_all(head.as_bytes());
            }
            let _ = stream.write_all(b"0\r\nX-SUM: 3\r\nx-end: 4\r\n\r\n");
        });
        let gateway = upstream.gateway();
        let mut client = connect(gateway.http());
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\
            Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n";
        let _ = client.write_all(head.as_bytes());
        if is_early {
            assert_eq!(status(&read_head(&mut client)), 200);
        }
        let _ = client.write_all(b"0\r\nx-SUM: 1\r\nX-End: 2\r\n\r\n");
        let answer = read_message(&mut client).unwrap_or_default();
        assert!(answer.ends_with("\r\n0\r\nX-SUM: 3\r\nx-end: 4\r\n\r\n"), "{answer}");
    }
}

/// Catches a reply of the gateway itself with the names of a response that it has rejected.
#[test]
fn a_reply_of_the_gateway_has_its_own_names() {
    let upstream = TestUpstream::answering(
        "HTTP/1.1 200 OK\r\ncontent-type: a\r\nX-REQUEST-ID: b\r\ndate: c\r\n\
            Content-Length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    );
    let gateway = Running::before(&upstream);
    let answer = exchange(gateway.http(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&answer), 502, "{answer}");
    assert_eq!(
        names(&answer),
        ["Cache-Control", "Connection", "Content-Length", "Content-Type", "Date", "X-Request-Id"]
    );
}
