//! The admin listener under clients that stall.
//!
//! It once had neither a timeout nor a limit, so an orchestrator that probed `/healthz` would have
//! restarted a healthy gateway.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use interop::{Gateway, Origin, send};

use super::{LIMITS, Watched};

/// The time within which the gateway closes stalled connections there.
const CLOSED: Duration = Duration::from_secs(12);

/// Connections without a request are closed.
#[test]
fn idle_connections_to_admin_are_closed() {
    let gateway = start();
    let clients: Vec<TcpStream> = (0..2_000).map(|_| send(gateway.admin(), b"")).collect();
    assert_stays_well(&gateway);
    drop(clients);
}

/// Requests whose fields arrive byte by byte are given up.
#[test]
fn slow_heads_to_admin_are_closed() {
    let gateway = start();
    let clients: Vec<TcpStream> =
        (0..100).map(|_| send(gateway.admin(), b"GET /metrics HTTP/1.1\r\nHost: loc")).collect();
    gateway.assert_releases_despite(CLOSED, 0, || send_bytes(&clients));
    assert_stays_well(&gateway);
}

/// Answers that the client does not read are given up.
#[test]
fn unread_answers_of_admin_are_given_up() {
    let gateway = start();
    let host = gateway.admin();
    let asked = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n").repeat(5_000);
    let mut clients = Vec::new();
    for _ in 0..4 {
        let client = send(gateway.admin(), b"");
        client.set_nonblocking(true).unwrap_or_else(|error| panic!("{error}"));
        // Enough requests are sent, even if the socket takes only a part of them at once.
        let _ = (&client).write(asked.as_bytes());
        clients.push(client);
    }
    assert_stays_well(&gateway);
    drop(clients);
}

fn start() -> Watched {
    // It gets no request.
    let origin = Origin::start(200, &[]);
    Watched::new(Gateway::start(origin.address(), LIMITS))
}

fn send_bytes(clients: &[TcpStream]) {
    for mut client in clients {
        // An error means that the gateway has closed the connection, as it should.
        let _ = client.write(b"a");
    }
}

/// Checks that `/healthz` answers within a second while other connections stall, and that those are
/// closed.
fn assert_stays_well(gateway: &Watched) {
    let begun = Instant::now();
    let reply = gateway.ask_admin("/healthz");
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(begun.elapsed() < Duration::from_secs(1), "after {:?}", begun.elapsed());
    gateway.assert_releases(CLOSED, 0);
}
