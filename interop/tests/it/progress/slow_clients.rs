//! Well-behaved clients that are slow: they are served to the end, however short the time limits.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use interop::h2_frames::*;
use interop::{H2Session, Recorder, Stalling, peers, read_reply, send, start_script, wait};
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::{SOON, ends_despite, gateway};

/// 1 KiB every 100 ms, for eight seconds. With flow control, a client has to take 16 KiB within the
/// idle time, which is two seconds here.
const PARTS: usize = 80;
const PART: usize = 1024;
const PACE: Duration = Duration::from_millis(100);

/// HTTP/1.1 clients that read slowly are served: slow progress is progress.
#[test]
fn http1_clients_that_read_slowly_are_served() {
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    let mut client = with_small_buffer(gateway.http());
    let request = b"GET /pour/4194304 HTTP/1.1\r\nHost: h\r\n\r\n";
    client.write_all(request).unwrap_or_else(|error| panic!("{error}"));
    for part in 0..PARTS {
        let mut buffer = [0; PART];
        let read = client.read_exact(&mut buffer);
        read.unwrap_or_else(|error| panic!("after {part} KiB: {error}"));
        wait(PACE);
    }
}

/// The same for an upload.
#[test]
fn http1_clients_that_send_slowly_are_served() {
    let upstream = Recorder::start();
    let gateway = gateway(upstream.address());
    let head = format!("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", PARTS * PART);
    let mut client = send(gateway.http(), head.as_bytes());
    for part in 0..PARTS {
        wait(PACE);
        let sent = client.write_all(&[b'x'; PART]);
        sent.unwrap_or_else(|error| panic!("after {part} KiB: {error}"));
    }
    assert_eq!(read_reply(&mut client, false).status, 200);
    assert_eq!(upstream.requests()[0].content.len(), PARTS * PART);
}

/// The same over HTTP/2, where the client sets the window.
#[test]
fn http2_clients_that_read_slowly_are_served() {
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    let path = format!("/pour/{}", PARTS * PART);
    let get = frame(HEADERS, WHOLE, 1, &field_block(&pseudo_fields("GET", &path)));
    let first = [setting(INITIAL_WINDOW_SIZE, 1024), window_update(0, 1 << 20), get].concat();
    let session = H2Session::open(gateway.http(), &first);
    for _ in 0..PARTS {
        wait(PACE);
        session.send(&window_update(1, 1024));
    }
    let complete = ends_despite(SOON, || (), || session.is_complete(1));
    assert!(complete, "{} bytes came, broken: {}", session.content(1), session.is_broken(1));
}

/// The last content of an HTTP/2 answer is sent, even if the client opens its window slowly. Such a
/// client was once cut off in the middle: the connection counted as idle as soon as that content
/// was in the codec.
#[test]
fn http2_content_that_waits_for_its_window_is_sent() {
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    let get = frame(HEADERS, WHOLE, 1, &field_block(&pseudo_fields("GET", "/pour/16384")));
    let first = [setting(INITIAL_WINDOW_SIZE, 1024), get].concat();
    let session = H2Session::open(gateway.http(), &first);
    for _ in 0..16 {
        wait(PACE);
        session.send(&window_update(1, 1024));
    }
    let complete = ends_despite(SOON, || (), || session.is_complete(1));
    assert!(complete, "{} bytes came, broken: {}", session.content(1), session.is_broken(1));
}

/// The same for an upload over HTTP/2.
#[test]
fn http2_clients_that_send_slowly_are_served() {
    let upstream = Recorder::start();
    let gateway = gateway(upstream.address());
    let length = (PARTS * PART).to_string();
    let mut fields = pseudo_fields("POST", "/a").to_vec();
    fields.push(("content-length", &length));
    let head = frame(HEADERS, END_HEADERS, 1, &field_block(&fields));
    let session = H2Session::open(gateway.http(), &head);
    for part in 1..=PARTS {
        wait(PACE);
        let last = if part == PARTS { END_STREAM } else { 0 };
        session.send(&frame(DATA, last, 1, &[b'x'; PART]));
    }
    assert!(ends_despite(SOON, || (), || session.is_complete(1)), "no answer");
    assert_eq!(upstream.requests()[0].content.len(), PARTS * PART);
}

/// The same over HTTP/3.
#[test]
fn http3_clients_that_read_slowly_are_served() {
    peers!("python packages");
    let upstream = Stalling::start();
    let path = format!("/pour/{}", PARTS * PART);
    let answer = ask_slowly(upstream.address(), "slow_download", &path);
    let came = answer["body"].as_str().unwrap_or_default().chars().count();
    assert_eq!((came, &answer["ended"]), (PARTS * PART, &true.into()), "{answer}");
}

/// The same for an upload over HTTP/3.
#[test]
fn http3_clients_that_send_slowly_are_served() {
    peers!("python packages");
    let upstream = Recorder::start();
    let answer = ask_slowly(upstream.address(), "slow_upload", "/a");
    assert_eq!((&answer["status"], &answer["ended"]), (&200.into(), &true.into()), "{answer}");
    assert_eq!(upstream.requests()[0].content.len(), PARTS * PART);
}

/// Runs a scenario of `h3_stalls.py`. Returns the answer on its one stream.
fn ask_slowly(upstream: SocketAddr, scenario: &str, path: &str) -> Value {
    let gateway = gateway(upstream);
    let address = gateway.https().to_string();
    let mut client = start_script("h3_stalls.py", &[&address, scenario, path, "15"]);
    let line = client.wait_for("outcome", |lines| lines.get(1).cloned());
    let outcome: Value = serde_json::from_str(&line).unwrap_or_default();
    outcome["streams"][0].clone()
}

/// A connection with a small receive buffer, so that little is in flight before the client reads.
fn with_small_buffer(to: SocketAddr) -> Socket {
    let made = Socket::new(Domain::IPV4, Type::STREAM, None).and_then(|socket| {
        socket.set_recv_buffer_size(4096)?;
        socket.connect(&to.into())?;
        socket.set_read_timeout(Some(SOON))?;
        Ok(socket)
    });
    made.unwrap_or_else(|error| panic!("{to}: {error}"))
}
