//! Upstreams that stop in the middle of a body, or fall silent.

use std::io::Read;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use interop::h2_frames::*;
use interop::{Gateway, H2Session, H2Upstream, Manner, Scratch, Stalling};
use interop::{exchange_within, peers, run, send, start_script};
use serde_json::Value;

use super::{SOON, ends_despite, gateway};

/// A body that stops is broken off, so that the client does not take it for complete. An upstream
/// that stopped in the middle of one once held both sides forever.
#[test]
fn a_body_that_stops_is_broken_off_over_http_1() {
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    for path in ["/a/length", "/a/chunked"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
        let mut client = send(gateway.http(), request.as_bytes());
        client.set_read_timeout(Some(SOON)).unwrap_or_else(|error| panic!("{error}"));
        let mut came = Vec::new();
        let ended = client.read_to_end(&mut came);
        let stalled = ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        assert!(!stalled, "{path}: held");
        assert!(!came.ends_with(b"0\r\n\r\n"), "{path}: a clean end");
        gateway.assert_releases(SOON, 1);
    }
}

/// The same over HTTP/2, where the client keeps sending PINGs.
#[test]
fn a_body_that_stops_is_broken_off_over_http_2() {
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    for path in ["/a/length", "/a/chunked"] {
        assert_broken_off(&gateway, path);
        gateway.assert_releases(SOON, 1);
    }
}

/// The same over HTTP/3.
#[test]
fn a_body_that_stops_is_broken_off_over_http_3() {
    peers!("python packages");
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    for path in ["/a/length", "/a/chunked"] {
        let address = gateway.https().to_string();
        let mut client = start_script("h3_stalls.py", &[&address, "get", path, "8"]);
        let line = client.wait_for("outcome", |lines| lines.get(1).cloned());
        let outcome: Value = serde_json::from_str(&line).unwrap_or_default();
        let stream = &outcome["streams"][0];
        let broken = outcome["over"] == true && stream["ended"] == false;
        assert!(broken && outcome["seconds"].as_f64() < Some(6.0), "{path}: {outcome}");
    }
}

/// The same for an HTTP/2 upstream that keeps answering PINGs.
#[test]
fn a_body_that_stops_is_broken_off_from_http_2() {
    let upstream = H2Upstream::start(&[Manner::Begins]);
    let gateway = gateway_to_http2(upstream.address());
    assert_broken_off(&gateway, "/");
}

/// An upload that the upstream does not read is given up, where it was once held forever. The
/// client is not to blame: its connection ends, or it gets 502 or 504.
#[test]
fn an_upload_that_the_upstream_does_not_take_is_given_up() {
    peers!("curl");
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    let folder = Scratch::new();
    let content = folder.file("content", vec![b'x'; 16 << 20]);
    let url = gateway.url("/deaf");
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let file = content.to_string_lossy();
        let words = ["-sS", "-H", "Expect:", version, "-X", "POST", "-T", &file];
        let limits = ["--max-time", "8", "-o", "/dev/null", "-w", "%{http_code} %{time_total}"];
        let printed = run("curl", &[&words[..], &limits, &[&url]].concat()).stdout;
        let (status, seconds) = printed.split_once(' ').unwrap_or_default();
        assert!(seconds.parse().is_ok_and(|seconds: f64| seconds < 6.0), "{version}: {printed}");
        assert!(matches!(status, "000" | "502" | "504"), "{version}: {printed}");
        gateway.assert_releases(SOON, 0);
    }
}

/// The same over HTTP/3.
#[test]
fn an_upload_that_the_upstream_does_not_take_is_given_up_over_http_3() {
    peers!("python packages");
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    let address = gateway.https().to_string();
    let mut client = start_script("h3_stalls.py", &[&address, "deaf", "/deaf", "8"]);
    gateway.assert_reaches(1);
    gateway.assert_releases(SOON, 0);
    let line = client.wait_for("outcome", |lines| lines.get(1).cloned());
    let outcome: Value = serde_json::from_str(&line).unwrap_or_default();
    assert_eq!(outcome["over"], true, "{outcome}");
}

/// An HTTP/2 connection to an upstream is replaced if it does not answer a PING. A silent one was
/// once used forever, and every request on it got 504.
#[test]
fn a_silent_connection_of_http_2_is_replaced() {
    let upstream = H2Upstream::start(&[Manner::FallsSilent, Manner::Answers]);
    let gateway = gateway_to_http2(upstream.address());
    // All on one client connection, so that one core and its upstream connection serve them.
    let session = H2Session::open(gateway.http(), &get(1, "/"));
    assert!(ends_despite(SOON, || (), || session.is_complete(1)), "no first answer");
    let begun = Instant::now();
    let mut stream = 3;
    while upstream.connections() < 2 && begun.elapsed() < Duration::from_secs(10) {
        session.send(&get(stream, "/"));
        let answered = ends_despite(SOON, || (), || session.is_complete(stream));
        assert!(answered, "no answer on stream {stream}");
        stream += 2;
    }
    assert!(upstream.connections() >= 2, "{} requests, one connection", stream / 2);
    session.send(&get(stream, "/"));
    assert!(ends_despite(SOON, || (), || session.is_complete(stream)), "no answer");
    let is_ok = session.count(|frame| frame.stream == stream && frame.status() == Some(200));
    assert_eq!(is_ok, 1, "the new connection is used");
}

/// An upstream that is slow, and never silent for long, is read to the end.
#[test]
fn a_slow_upstream_is_read_to_the_end() {
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    let session = H2Session::open(gateway.http(), &get(1, "/trickle/40960"));
    let request = b"GET /trickle/40960 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let reply = exchange_within(gateway.http(), request, SOON * 2);
    assert_eq!(reply.map(|reply| reply.body.len()), Some(40_960));
    assert!(ends_despite(SOON, || (), || session.is_complete(1)), "{}", session.content(1));
}

pub(crate) fn gateway_to_http2(address: SocketAddr) -> Gateway {
    let site = format!("[[upstream]]\naddresses = [\"http://{address}\"]\nhttp = \"2\"\n");
    Gateway::start(address, &[super::LIMITS, &site].concat())
}

fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, WHOLE, stream, &field_block(&pseudo_fields("GET", path)))
}

/// Checks over HTTP/2 that the stream is soon reset, and has no clean end.
fn assert_broken_off(gateway: &Gateway, path: &str) {
    let session = H2Session::open(gateway.http(), &get(1, path));
    let broken = ends_despite(SOON, || session.ping(), || session.is_broken(1));
    assert!(broken && !session.is_complete(1), "{path}: {} bytes, no end", session.content(1));
}
