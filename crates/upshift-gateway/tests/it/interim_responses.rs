//! Interim responses of upstreams (RFC 9110 §15.2) on their way to clients over HTTP/1.

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use crate::support::{PATIENCE, connect, exchange, read_message, rest, status};
use crate::upstream_http1::{RawUpstream, read_head};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const EXPECTING: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\
    Connection: close\r\nContent-Length: 3\r\n\r\n";

/// An upstream that sends one of `parts` for each message on the returned channel.
fn stepwise(parts: &'static [&'static [u8]]) -> (RawUpstream, mpsc::Sender<()>) {
    let (step, steps) = mpsc::channel::<()>();
    let steps = Mutex::new(steps);
    let upstream = RawUpstream::start(move |mut stream| {
        read_head(&mut stream);
        for part in parts {
            steps.lock().unwrap().recv_timeout(PATIENCE).unwrap();
            stream.write_all(part).unwrap();
        }
        let _ = stream.read_to_end(&mut Vec::new());
    });
    (upstream, step)
}

/// Interim responses are for the time before the final one, so none waits for the next.
#[test]
fn each_is_passed_on_as_soon_as_it_arrives() {
    let (upstream, step) = stepwise(&[
        b"HTTP/1.1 102 Processing\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.js>\r\n\
            Alt-Svc: h3=\":1\"\r\nStrict-Transport-Security: max-age=9\r\nKeep-Alive: timeout=5\r\n\
            X-Hop: 1\r\nConnection: x-hop\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\
            X-Kept:  2 \r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 199 Odd\r\nX-A: b\r\n\r\n",
        OK,
    ]);
    let gateway = upstream.gateway();
    let mut client = connect(gateway.http());
    client.write_all(GET.as_bytes()).unwrap();
    for expected in [
        "HTTP/1.1 102 Processing\r\nVia: 1.1 upshift\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.js>\r\nX-Kept: 2\r\n\
            Via: 1.1 upshift\r\n\r\n",
        "HTTP/1.1 100 Continue\r\nVia: 1.1 upshift\r\n\r\n",
        "HTTP/1.1 199 \r\nX-A: b\r\nVia: 1.1 upshift\r\n\r\n",
    ] {
        step.send(()).unwrap();
        assert_eq!(sorted(&read_head(&mut client)), sorted(expected));
    }
    step.send(()).unwrap();
    assert_eq!(status(&rest(&mut client)), 200);
}

/// The lines of a head, sorted by name: their order has no meaning.
fn sorted(head: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = head.split_inclusive("\r\n").collect();
    lines.sort_by_key(|line| line.split(':').next().unwrap_or_default());
    lines
}

/// RFC 9110 §15.2: "a server MUST NOT send a 1xx response to an HTTP/1.0 client."
#[test]
fn a_client_of_http_1_0_gets_none() {
    let upstream = RawUpstream::answering(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
            HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    let gateway = upstream.gateway();
    for _ in 0..2 {
        let answer = exchange(gateway.http(), "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
        assert_eq!(status(&answer), 200, "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    }
    assert_eq!(upstream.connections(), 1);
}

/// The 100 of the upstream comes with its fields. A client that waits takes a second one for the
/// final response to its next request.
#[test]
fn a_client_that_expects_a_100_gets_one() {
    let upstream = RawUpstream::start(|mut stream| {
        read_head(&mut stream);
        stream.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").unwrap();
        stream.write_all(b"HTTP/1.1 100 Continue\r\nX-A: b\r\n\r\n").unwrap();
        stream.read_exact(&mut [0; 3]).unwrap();
        stream.write_all(b"HTTP/1.1 100 Continue\r\nX-A: c\r\n\r\n").unwrap();
        stream.write_all(OK).unwrap();
    });
    let gateway = upstream.gateway();
    let mut client = connect(gateway.http());
    client.write_all(EXPECTING).unwrap();
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nVia: 1.1 upshift\r\n\r\n";
    assert_eq!(read_head(&mut client), hints);
    let expected = "HTTP/1.1 100 Continue\r\nX-A: b\r\nVia: 1.1 upshift\r\n\r\n";
    assert_eq!(read_head(&mut client), expected);
    client.write_all(b"abc").unwrap();
    assert_eq!(status(&rest(&mut client)), 200);
}

/// A pipelined request is answered after the one before it, interim responses included.
#[test]
fn they_stay_in_the_order_of_the_requests() {
    let upstream = RawUpstream::start(|mut stream| {
        while let Some(request) = read_message(&mut stream) {
            let path = request.split(' ').nth(1).unwrap_or_default();
            let hints = format!("HTTP/1.1 103 Early Hints\r\nX-Path: {path}\r\n\r\n");
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{path}");
            stream.write_all((hints + &answer).as_bytes()).unwrap();
        }
    });
    let gateway = upstream.gateway();
    let mut client = connect(gateway.http());
    let requests = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
    client.write_all(requests.as_bytes()).unwrap();
    for path in ["/1", "/2"] {
        assert!(read_head(&mut client).contains(&format!("\r\nX-Path: {path}\r\n")));
        assert!(read_message(&mut client).unwrap().ends_with(path));
    }
}

/// RFC 9110 §7.8 permits them before a 101, too.
#[test]
fn they_come_before_a_switch() {
    let upstream = RawUpstream::start(|mut stream| {
        let request = read_head(&mut stream);
        assert!(request.contains("Upgrade: websocket\r\n"), "{request}");
        stream
            .write_all(
                b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
                HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello",
            )
            .unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let gateway = upstream.gateway();
    let mut client = connect(gateway.http());
    let handshake = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    client.write_all(handshake.as_bytes()).unwrap();
    assert_eq!(status(&read_head(&mut client)), 103);
    assert_eq!(status(&read_head(&mut client)), 101);
    read_text(&mut client, "hello");
}

fn read_text(stream: &mut TcpStream, expected: &str) {
    let mut bytes = vec![0; expected.len()];
    stream.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, expected.as_bytes());
}

/// Catches interim responses that pile up in memory for a client that does not read them.
#[test]
fn a_client_that_does_not_read_misses_some() {
    const REQUESTS: usize = 20;
    let long = format!("HTTP/1.1 103 Early Hints\r\nX-A: {}\r\n\r\n", "a".repeat(60_000));
    let answer = [long.repeat(32).as_bytes(), OK].concat();
    let (report, answered) = mpsc::channel();
    let report = Mutex::new(report);
    let upstream = RawUpstream::start(move |mut stream| {
        while read_message(&mut stream).is_some() {
            stream.write_all(&answer).unwrap();
            report.lock().unwrap().send(()).unwrap();
        }
    });
    let gateway = upstream.gateway();
    let whole = exchange(gateway.http(), GET);
    assert_eq!(whole.matches("HTTP/1.1 103 ").count(), 32, "one that reads gets all");
    let mut client = connect(gateway.http());
    let requests = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(REQUESTS - 1) + GET;
    client.write_all(requests.as_bytes()).unwrap();
    // The buffers of the sockets take some of the answers, and then the gateway stops.
    while answered.recv_timeout(Duration::from_millis(500)).is_ok() {}
    let answers = rest(&mut client);
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), REQUESTS);
    assert!(answers.matches("HTTP/1.1 103 ").count() < 32 * REQUESTS);
}

/// Interim responses without end would hold a client for ever.
#[test]
fn they_are_bounded() {
    for (count, code) in [(32, 200), (33, 502)] {
        let interim = b"HTTP/1.1 102 Processing\r\n\r\n".repeat(count);
        let upstream = RawUpstream::answering([&interim[..], OK].concat().leak());
        let gateway = upstream.gateway();
        let answer = exchange(gateway.http(), GET);
        assert_eq!(answer.matches("HTTP/1.1 102 ").count(), 32);
        assert!(answer.contains(&format!("\r\n\r\nHTTP/1.1 {code} ")), "{answer}");
    }
}
