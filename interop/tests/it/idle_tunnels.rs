//! What an idle tunnel costs: "10,000 idle cleartext tunnels stay under 20 KiB of memory each".

use std::io::{Read, Write};
use std::net::TcpStream;

use interop::{Gateway, Upstreams, exchange, peers, send};

/// Tunnels, where this process may open as many files; 10,000 were measured by hand
/// (`docs/suites.md`).
const TUNNELS: usize = 2_000;

/// So many come first, so that what the gateway holds once and for all is not counted.
const FIRST: usize = 100;

/// KiB per tunnel.
const BOUND: f64 = 20.0;

const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Named as heavy, so that it runs alone.
#[test]
fn an_idle_tunnel_is_small_heavy() {
    peers!("node", "node packages");
    let upstreams = Upstreams::start();
    let mut gateway = Gateway::start(upstreams.clear(), "");
    let count = wanted().min(files_to_open().saturating_sub(FIRST + 200) / 2);
    let mut tunnels = open(&gateway, FIRST);
    let before = gateway.program().memory();
    tunnels.extend(open(&gateway, count));
    let grown = gateway.program().memory().saturating_sub(before);
    let each = grown as f64 / count as f64;
    println!("{count} idle tunnels: {grown} KiB more, {each:.1} KiB each");
    assert!(each < BOUND, "{count} tunnels took {grown} KiB, {each:.1} each");
    // They are tunnels still: every fiftieth is asked.
    for tunnel in tunnels.iter_mut().step_by(50) {
        assert_eq!(&echo(tunnel), b"\x81\x02hi");
    }
    let metrics = exchange(
        gateway.admin(),
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        false,
    )
    .0;
    assert_eq!(metrics.status, 200, "{metrics:?}");
}

fn wanted() -> usize {
    std::env::var("UPSHIFT_TUNNELS").ok().and_then(|count| count.parse().ok()).unwrap_or(TUNNELS)
}

/// The tunnels, each with its `101`.
fn open(gateway: &Gateway, count: usize) -> Vec<TcpStream> {
    let opened = (0..count).map(|_| {
        let mut stream = send(gateway.http(), HANDSHAKE.as_bytes());
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            let read = stream
                .read(&mut byte)
                .unwrap_or_else(|error| panic!("no answer to a handshake: {error}"));
            assert!(read == 1, "closed after {}", String::from_utf8_lossy(&head));
            head.extend_from_slice(&byte);
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        stream
    });
    opened.collect()
}

/// What comes back for the text `hi`, masked with zeros (RFC 6455 §5.2).
fn echo(tunnel: &mut TcpStream) -> [u8; 4] {
    let mut answer = [0; 4];
    let asked =
        tunnel.write_all(b"\x81\x82\0\0\0\0hi").and_then(|()| tunnel.read_exact(&mut answer));
    asked.unwrap_or_else(|error| panic!("a tunnel is gone: {error}"));
    answer
}

/// How many files this process, and those that it starts, may have open.
fn files_to_open() -> usize {
    let text = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(1024)
}
