//! HTTP/2 messages that end without END_STREAM (RFC 9113 §8.1): they are not whole.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use interop::h2_frames::*;
use interop::{Gateway, H2Session, H2Upstream, Manner, PATIENCE, listen, peers, run};

use crate::progress::upstreams::gateway_to_http2;

/// Catches a response without a length that the upstream cuts short and that looks complete on the
/// next hop.
#[test]
fn an_answer_of_http_2_that_is_reset_is_not_whole() {
    peers!("curl");
    let upstream = H2Upstream::start(&[Manner::BreaksOff]);
    let gateway = gateway_to_http2(upstream.address());
    assert_ne!(curl("--http1.1", &gateway.url("/")), 0);
    assert_ne!(curl("--http2", &gateway.secure_url("/")), 0);
}

fn curl(version: &str, url: &str) -> i32 {
    run(
        "curl",
        &["--silent", "--insecure", "--max-time", "20", "--output", "/dev/null", version, url],
    )
    .code
}

/// Catches an upload without a length that the client aborts and that looks complete upstream.
#[test]
fn an_upload_of_http_2_that_is_reset_is_not_whole() {
    let (upstream, received) = recording();
    let gateway = Gateway::start(upstream, "");
    let session = H2Session::open(gateway.http(), &[]);
    let post = field_block(&pseudo_fields("POST", "/upload"));
    session.send(&frame(HEADERS, END_HEADERS, 1, &post));
    session.send(&frame(DATA, 0, 1, b"the first half"));
    let mut text = String::new();
    while !text.contains("the first half") {
        let piece =
            received.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{error}: {text}"));
        text.push_str(&String::from_utf8_lossy(&piece));
    }
    session.send(&frame(RST_STREAM, 0, 1, &NO_ERROR.to_be_bytes()));
    while let Ok(piece) = received.recv_timeout(PATIENCE) {
        text.push_str(&String::from_utf8_lossy(&piece));
    }
    assert!(!text.ends_with("0\r\n\r\n"), "it ends like a whole message:\n{text}");
}

/// A server that answers nothing, and the bytes of its first connection.
fn recording() -> (SocketAddr, Receiver<Vec<u8>>) {
    let listener = listen();
    let address = listener.local_addr().unwrap_or_else(|error| panic!("no address: {error}"));
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let mut buffer = [0; 4096];
        // A reset is an end as well.
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            let _ = sender.send(buffer[..length].to_vec());
        }
    });
    (address, receiver)
}
