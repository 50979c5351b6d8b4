//! HTTP/2 messages that end without END_STREAM (RFC 9113 §8.1): they are not whole.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use interop::h2_frames::*;
use interop::{Gateway, H2Session, H2Upstream, Manner, listen, peers, run};

use crate::progress::upstreams::gateway_to_http2;

/// KIND: an answer without a length that an upstream cuts short becomes a whole one on the next hop.
#[test]
fn an_answer_of_http_2_that_is_reset_is_not_whole() {
    peers!("curl");
    let upstream = H2Upstream::start(&[Manner::BreaksOff]);
    let gateway = gateway_to_http2(upstream.address());
    assert_ne!(curl("--http1.1", &gateway.url("/")), 0);
    assert_ne!(curl("--http2", &gateway.secure_url("/")), 0);
}

fn curl(version: &str, url: &str) -> i32 {
    run("curl", &["--silent", "--insecure", "--max-time", "20", "--output", "/dev/null", version, url]).code
}

/// KIND: an upload without a length that a client breaks off reaches the upstream as a whole one.
#[test]
fn an_upload_of_http_2_that_is_reset_is_not_whole() {
    let (upstream, received) = recording();
    let gateway = Gateway::start(upstream, "");
    let session = H2Session::open(gateway.http(), &[]);
    let post = field_block(&pseudo_fields("POST", "/upload"));
    session.send(&frame(HEADERS, END_HEADERS, 1, &post));
    session.send(&frame(DATA, 0, 1, b"the first half"));
    // It comes after the content has been passed on, and together with it.
    thread::sleep(Duration::from_millis(200));
    session.send(&frame(RST_STREAM, 0, 1, &NO_ERROR.to_be_bytes()));
    let bytes = received.recv_timeout(interop::PATIENCE).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("the first half"), "{text}");
    assert!(!text.ends_with("0\r\n\r\n"), "it ends like a whole message:\n{text}");
}

/// A server that answers nothing; the bytes of its first connection, when that has ended.
fn recording() -> (SocketAddr, Receiver<Vec<u8>>) {
    let listener: TcpListener = listen();
    let address = listener.local_addr().unwrap_or_else(|error| panic!("no address: {error}"));
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let _ = sender.send(read_all(&mut stream));
    });
    (address, receiver)
}

fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut bytes);
    bytes
}
