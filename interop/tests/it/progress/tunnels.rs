//! Tunnels in which one direction stalls.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use interop::{Gateway, Stalling, read_reply, send, wait};

use super::gateway;

const HANDSHAKE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// The time within which buffers fill and a stalled tunnel then ends.
const LONG: Duration = Duration::from_secs(12);

/// A masked ping without content (RFC 6455 §5.5.2).
const PING: &[u8] = b"\x89\x80\0\0\0\0";

/// A tunnel ends if the upstream does not read, even while it sends a little: progress in one
/// direction is none in the other. Such a tunnel was once kept open.
#[test]
fn a_tunnel_whose_upstream_does_not_read_ends() {
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    let mut tunnel = open(&gateway, "/switch");
    gateway.assert_reaches(2);
    let block = vec![0; 64 * 1024];
    gateway.assert_releases_despite(LONG, 0, || fill(&mut tunnel, &block));
}

/// The other way round: the upstream sends without end, and the client reads nothing.
#[test]
fn a_tunnel_whose_client_does_not_read_ends() {
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    let mut tunnel = open(&gateway, "/flood");
    gateway.assert_reaches(2);
    gateway.assert_releases_despite(LONG, 0, || send_ping(&mut tunnel));
}

/// A tunnel that moves both ways, slowly, is kept.
#[test]
fn a_slow_tunnel_is_kept() {
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    let mut tunnel = open(&gateway, "/echo");
    tunnel.set_nonblocking(false).unwrap_or_else(|error| panic!("{error}"));
    for second in 0..8 {
        let mut echoed = [0; PING.len()];
        let moved = tunnel.write_all(PING).and_then(|()| tunnel.read_exact(&mut echoed));
        moved.unwrap_or_else(|error| panic!("after {second} seconds: {error}"));
        assert_eq!(echoed, PING);
        wait(Duration::from_secs(1));
    }
}

/// Opens a tunnel. Returns the client's side, which is non-blocking from here on.
fn open(gateway: &Gateway, path: &str) -> TcpStream {
    let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\n{HANDSHAKE}\r\n");
    let mut tunnel = send(gateway.http(), request.as_bytes());
    assert_eq!(read_reply(&mut tunnel, true).status, 101, "{path}");
    tunnel.set_nonblocking(true).unwrap_or_else(|error| panic!("{error}"));
    tunnel
}

fn send_ping(tunnel: &mut TcpStream) {
    // An error means that the gateway has closed the tunnel, as it should.
    let _ = tunnel.write(PING);
}

/// Writes until the socket takes nothing more, and reads what has arrived.
fn fill(tunnel: &mut TcpStream, block: &[u8]) {
    while tunnel.write(block).is_ok_and(|written| written > 0) {}
    let mut buffer = [0; 4096];
    loop {
        match tunnel.read(&mut buffer) {
            Ok(1..) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => break,
        }
    }
}
