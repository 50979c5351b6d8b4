//! The obsolete switch to HTTP/2 by `Upgrade: h2c` (RFC 7540 §3.2).

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{
    Running, TestUpstream, connect, exchange, field, is_cut_off, read_message, rest, settings_with,
    status,
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x01\0\x01\0\0";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

fn offer(method: &str, more: &str) -> String {
    format!(
        "{method} /a HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
         HTTP2-Settings: AAEAAQAAAAMAAABkAAQAAP__\r\n{more}\r\n"
    )
}

fn gateway(upstream: &TestUpstream) -> Running {
    Running::start(settings_with(upstream.address, |settings| {
        settings.file.gateway.h2c_upgrade = true;
    }))
}

/// A frame: type, flags, stream, payload.
fn frame(stream: &mut TcpStream) -> (u8, u8, u32, Vec<u8>) {
    let mut head = [0; 9];
    stream.read_exact(&mut head).unwrap();
    let [a, b, c, kind, flags, id @ ..] = head;
    let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
    stream.read_exact(&mut payload).unwrap();
    (kind, flags, u32::from_be_bytes(id), payload)
}

/// Frames up to the end of stream 1.
fn until_answered(stream: &mut TcpStream) -> Vec<(u8, u8, u32, Vec<u8>)> {
    let mut frames = Vec::new();
    loop {
        let next = frame(stream);
        let last = next.2 == 1 && next.1 & 1 == 1;
        frames.push(next);
        if last {
            return frames;
        }
    }
}

/// The content on stream 1.
fn content(frames: &[(u8, u8, u32, Vec<u8>)]) -> Vec<u8> {
    let data = frames.iter().filter(|frame| frame.0 == 0 && frame.2 == 1);
    data.flat_map(|frame| frame.3.clone()).collect()
}

#[test]
fn the_request_is_answered_on_stream_1() {
    let upstream = TestUpstream::answering(OK);
    let gateway = gateway(&upstream);
    for (method, more, body) in [("GET", "", ""), ("POST", "Content-Length: 4\r\n", "body")] {
        let mut stream = connect(gateway.http());
        stream.write_all((offer(method, more) + body).as_bytes()).unwrap();
        let head = read_message(&mut stream).unwrap();
        assert_eq!((status(&head), field(&head, "upgrade").as_deref()), (101, Some("h2c")));
        stream.write_all(PREFACE).unwrap();
        let frames = until_answered(&mut stream);
        // RFC 7540 §3.2: "The first HTTP/2 frame sent by the server MUST be a server connection
        // preface".
        assert_eq!((frames[0].0, frames[0].1), (4, 0));
        // §3.2.1: the settings of HTTP2-Settings are not acknowledged, only the client's own.
        assert_eq!(frames.iter().filter(|frame| frame.0 == 4 && frame.1 == 1).count(), 1);
        let headers = frames.iter().find(|frame| frame.0 == 1).unwrap();
        assert_eq!(headers.2, 1);
        assert_eq!(content(&frames), b"hello");
    }
    let seen = upstream.seen();
    assert!(
        seen[1].starts_with("POST /a HTTP/1.1\r\n") && seen[1].ends_with("\r\n\r\nbody"),
        "{seen:?}"
    );
    for request in seen {
        let lower = request.to_lowercase();
        assert!(!lower.contains("upgrade") && !lower.contains("http2-settings"), "{request}");
        assert_eq!(field(&request, "host").as_deref(), Some("a.example"));
    }
}

#[test]
fn off_or_incomplete_offers_are_ignored_and_the_request_served() {
    let upstream = TestUpstream::answering(OK);
    let off = Running::before(&upstream);
    let on = gateway(&upstream);
    let close = "Connection: close\r\n";
    assert_eq!(status(&exchange(off.http(), &offer("GET", close))), 200);
    for (what, request) in [
        ("absent", offer("GET", close).replace("HTTP2-Settings: AAEAAQAAAAMAAABkAAQAAP__\r\n", "")),
        ("doubled", offer("GET", "HTTP2-Settings: AAMAAABk\r\nConnection: close\r\n")),
        ("padded", offer("GET", close).replace("AAP__", "AAP_=")),
        ("not named", offer("GET", close).replace("Upgrade, HTTP2-Settings", "Upgrade")),
        ("another token", offer("GET", close).replace("h2c", "h2")),
        ("HTTP/1.0", offer("GET", close).replace("HTTP/1.1", "HTTP/1.0")),
        (
            "chunked",
            offer("POST", "Transfer-Encoding: chunked\r\nConnection: close\r\n")
                + "1\r\nx\r\n0\r\n\r\n",
        ),
    ] {
        assert_eq!(status(&exchange(on.http(), &request)), 200, "{what}");
    }
}

#[test]
fn a_client_that_goes_on_with_anything_else_is_cut_off() {
    let upstream = TestUpstream::answering(OK);
    let gateway = gateway(&upstream);
    let mut early = connect(gateway.http());
    early.write_all(&[offer("GET", "").as_bytes(), PREFACE].concat()).unwrap();
    assert!(is_cut_off(&rest(&mut early)));
    let mut other = connect(gateway.http());
    other.write_all(offer("GET", "").as_bytes()).unwrap();
    assert_eq!(status(&read_message(&mut other).unwrap()), 101);
    other.write_all(b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(rest(&mut other), "");
    assert!(upstream.seen().is_empty());
}

/// RFC 9110 §7.8: the 100 comes before the 101.
#[test]
fn an_expectation_is_met_before_the_switch() {
    let upstream = TestUpstream::answering(OK);
    let gateway = gateway(&upstream);
    let mut stream = connect(gateway.http());
    stream
        .write_all(offer("POST", "Content-Length: 4\r\nExpect: 100-continue\r\n").as_bytes())
        .unwrap();
    assert_eq!(status(&read_message(&mut stream).unwrap()), 100);
    stream.write_all(b"body").unwrap();
    assert_eq!(status(&read_message(&mut stream).unwrap()), 101);
    stream.write_all(PREFACE).unwrap();
    assert_eq!(content(&until_answered(&mut stream)), b"hello");
}
