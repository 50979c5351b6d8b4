//! `Expect: 100-continue` through the gateway (RFC 9110 §10.1.1).

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use upshift_gateway::Upstream;

use crate::support::{
    PATIENCE, Running, connect, exchange, field, read_message, rest, settings_with, status,
};
use crate::upstream_http1::{RawUpstream, read_head};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

fn expecting(method: &str, version: &str) -> String {
    format!(
        "{method} / HTTP/{version}\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    )
}

fn read_content(stream: &mut TcpStream) -> String {
    let mut content = [0; 3];
    stream.read_exact(&mut content).unwrap();
    String::from_utf8_lossy(&content).into_owned()
}

/// Returns true if nothing arrives for a while.
fn is_silent(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let read = stream.peek(&mut [0; 1]);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    read.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

/// Also if the client sends its content without waiting, which RFC 9110 §10.1.1 permits.
#[test]
fn the_content_follows_the_100_of_the_upstream() {
    let (send, heads) = mpsc::channel();
    let send = Mutex::new(send);
    let upstream = RawUpstream::start(move |mut stream| {
        for _ in 0..2 {
            let head = read_head(&mut stream);
            let waited = is_silent(&mut stream);
            stream.write_all(CONTINUE).unwrap();
            let content = read_content(&mut stream);
            send.lock().unwrap().send((head, waited, content)).unwrap();
            stream.write_all(OK).unwrap();
        }
    });
    let gateway = upstream.gateway();
    let mut client = connect(gateway.http());
    client.write_all(expecting("POST", "1.1").as_bytes()).unwrap();
    assert_eq!(read_head(&mut client), "HTTP/1.1 100 Continue\r\nVia: 1.1 upshift\r\n\r\n");
    client.write_all(b"abc").unwrap();
    assert_eq!(status(&read_message(&mut client).unwrap()), 200);
    client.write_all((expecting("POST", "1.1") + "def").as_bytes()).unwrap();
    assert_eq!(status(&read_message(&mut client).unwrap()), 100);
    assert_eq!(status(&read_message(&mut client).unwrap()), 200);
    for expected in ["abc", "def"] {
        let (head, waited, content) = heads.recv_timeout(PATIENCE).unwrap();
        assert_eq!(field(&head, "expect").as_deref(), Some("100-continue"), "{head}");
        assert!(waited && content == expected, "{content}");
    }
    assert_eq!(upstream.connections(), 1);
}

/// A client whose request fails is spared its upload, and the upstream gets nothing of it.
#[test]
fn a_final_response_takes_the_place_of_the_100() {
    for code in [200, 401, 413, 417, 503] {
        let (send, rests) = mpsc::channel();
        let send = Mutex::new(send);
        let upstream = RawUpstream::start(move |mut stream| {
            read_head(&mut stream);
            let answer = format!("HTTP/1.1 {code} Told\r\nContent-Length: 2\r\n\r\nno");
            stream.write_all(answer.as_bytes()).unwrap();
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).unwrap();
            send.lock().unwrap().send(bytes).unwrap();
        });
        let gateway = upstream.gateway();
        for method in ["POST", "PUT"] {
            let mut client = connect(gateway.http());
            client.write_all(expecting(method, "1.1").as_bytes()).unwrap();
            let answer = read_message(&mut client).unwrap();
            assert_eq!(status(&answer), code, "{answer}");
            assert_eq!(field(&answer, "connection").as_deref(), Some("close"), "{answer}");
            assert_eq!(rests.recv_timeout(PATIENCE).unwrap(), b"");
            client.write_all(b"abc").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            assert_eq!(rest(&mut client), "");
        }
        assert_eq!(upstream.connections(), 2);
    }
}

/// Catches a connection that is closed because the upstream, which ignores the expectation, responds
/// before it has the content.
#[test]
fn a_response_before_the_content_keeps_both_connections() {
    let (send, asked) = mpsc::channel();
    let asked = Mutex::new(asked);
    let upstream = RawUpstream::start(move |mut stream| {
        read_head(&mut stream);
        asked.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        stream.write_all(OK).unwrap();
        assert_eq!(read_content(&mut stream), "abc");
        assert!(read_message(&mut stream).is_some());
        stream.write_all(OK).unwrap();
    });
    let gateway = upstream.gateway();
    let mut client = connect(gateway.http());
    client.write_all(expecting("POST", "1.1").as_bytes()).unwrap();
    assert_eq!(read_head(&mut client), "HTTP/1.1 100 Continue\r\n\r\n");
    send.send(()).unwrap();
    assert_eq!(status(&read_message(&mut client).unwrap()), 200);
    client.write_all(b"abcGET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(status(&read_message(&mut client).unwrap()), 200);
    assert_eq!(upstream.connections(), 1);
}

/// RFC 9110 §10.1.1: a client must not wait for the 100 indefinitely, because an upstream may not
/// know the expectation.
#[test]
fn an_upstream_that_ignores_the_expectation_gets_the_content_after_a_second() {
    let upstream = RawUpstream::start(|mut stream| {
        read_head(&mut stream);
        assert_eq!(read_content(&mut stream), "abc");
        // It comes too late for the client, which had its 100 already.
        stream.write_all(&[CONTINUE, OK].concat()).unwrap();
    });
    let gateway = upstream.gateway();
    let mut client = connect(gateway.http());
    let begun = Instant::now();
    client.write_all(expecting("POST", "1.1").as_bytes()).unwrap();
    assert_eq!(read_head(&mut client), "HTTP/1.1 100 Continue\r\n\r\n");
    let waited = begun.elapsed();
    assert!((900..10_000).contains(&waited.as_millis()), "{waited:?}");
    client.write_all(b"abc").unwrap();
    assert_eq!(status(&read_message(&mut client).unwrap()), 200);
}

/// RFC 9110 §10.1.1: `Expect` is a list, and a client that has 100-continue in it waits for the 100.
#[test]
fn an_expectation_in_a_list_is_met() {
    for list in ["x, 100-continue", "100-Continue ,x", "x\r\nExpect: 100-continue"] {
        let upstream = RawUpstream::start(|mut stream| {
            let head = read_head(&mut stream);
            assert_eq!(field(&head, "expect").as_deref(), Some("100-continue"), "{head}");
            stream.write_all(CONTINUE).unwrap();
            assert_eq!(read_content(&mut stream), "abc");
            stream.write_all(OK).unwrap();
        });
        let gateway = upstream.gateway();
        let mut client = connect(gateway.http());
        client
            .write_all(expecting("POST", "1.1").replace("100-continue", list).as_bytes())
            .unwrap();
        assert_eq!(status(&read_head(&mut client)), 100, "{list}");
        client.write_all(b"abc").unwrap();
        assert_eq!(status(&read_message(&mut client).unwrap()), 200, "{list}");
    }
}

/// RFC 9110 §10.1.1: HTTP/1.0 has no expectations, and a request without content none that counts;
/// RFC 9110 §10.1.1 defines no other.
#[test]
fn other_expectations_end_at_the_gateway() {
    for request in [
        expecting("POST", "1.0"),
        expecting("POST", "1.1").replace("100-continue", "x-200-ok"),
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n"
            .to_owned(),
    ] {
        let upstream = RawUpstream::start(|mut stream| {
            let request = read_message(&mut stream).unwrap();
            let expects = field(&request, "expect").is_some();
            let answer = if expects { &b"HTTP/1.1 500 Expects\r\n\r\n"[..] } else { OK };
            stream.write_all(answer).unwrap();
        });
        let gateway = upstream.gateway();
        let closing = request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\nabc");
        let begun = Instant::now();
        let answer = exchange(gateway.http(), &closing);
        assert_eq!(status(&answer), 200, "{request}{answer}");
        assert!(begun.elapsed() < Duration::from_millis(900), "{request}");
    }
}

/// RFC 9110 §9.2.2: a request whose content is still with the client is repeated like one without
/// content.
#[test]
fn an_idempotent_request_is_sent_elsewhere_with_its_content() {
    for failure in [&b"HTTP/1.1 503 Full\r\nContent-Length: 0\r\n\r\n"[..], b""] {
        for (method, expected) in [("PUT", &[100][..]), ("POST", &[502, 503])] {
            let (failing, gateway) = failing_and_taking(failure);
            let mut code = 0;
            // The endpoints are drawn.
            while failing.connections() == 0 {
                let mut client = connect(gateway.http());
                client.write_all(expecting(method, "1.1").as_bytes()).unwrap();
                code = status(&read_message(&mut client).unwrap());
                if code == 100 {
                    client.write_all(b"abc").unwrap();
                    assert_eq!(status(&read_message(&mut client).unwrap()), 200);
                }
            }
            assert!(expected.contains(&code), "{method}: {code}");
        }
    }
}

/// A gateway in front of an endpoint that takes content, and the one that answers `failure` to each
/// head and closes.
fn failing_and_taking(failure: &'static [u8]) -> (RawUpstream, Running) {
    let failing = RawUpstream::start(move |mut stream| {
        read_head(&mut stream);
        stream.write_all(failure).unwrap();
    });
    let taking = RawUpstream::start(|mut stream| {
        read_head(&mut stream);
        stream.write_all(CONTINUE).unwrap();
        assert_eq!(read_content(&mut stream), "abc");
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok").unwrap();
    });
    let endpoints = vec![failing.address.into(), taking.address.into()];
    let gateway = Running::start(settings_with(taking.address, |settings| {
        settings.file.upstreams = vec![Upstream::with_endpoints(endpoints)];
    }));
    (failing, gateway)
}
