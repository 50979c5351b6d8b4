//! The admin listener under clients that stall.
//!
//! KIND: the admin listener has no time-out and no bound (F9), so that an orchestrator that asks
//! for `/healthz` restarts a gateway which is well.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use interop::{Gateway, Origin, send};

use super::{LIMITS, Watched};

/// Time in which the gateway closes what stalls there.
const CLOSED: Duration = Duration::from_secs(12);

/// Connections on which nothing is asked.
#[test]
fn idle_connections_to_admin_are_closed() {
    let gateway = start();
    let clients: Vec<TcpStream> = (0..2_000).map(|_| send(gateway.admin(), b"")).collect();
    assert_stays_well(&gateway);
    drop(clients);
}

/// Fields that come byte by byte, or stop.
#[test]
fn slow_heads_to_admin_are_closed() {
    let gateway = start();
    let clients: Vec<TcpStream> =
        (0..100).map(|_| send(gateway.admin(), b"GET /metrics HTTP/1.1\r\nHost: loc")).collect();
    gateway.assert_releases_despite(CLOSED, 0, || send_bytes(&clients));
    assert_stays_well(&gateway);
}

/// Answers that are not read.
#[test]
fn unread_answers_of_admin_are_given_up() {
    let gateway = start();
    let host = gateway.admin();
    let asked = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n").repeat(5_000);
    let mut clients = Vec::new();
    for _ in 0..4 {
        let client = send(gateway.admin(), b"");
        client.set_nonblocking(true).unwrap_or_else(|error| panic!("{error}"));
        // As much as is taken at once is enough.
        let _ = (&client).write(asked.as_bytes());
        clients.push(client);
    }
    assert_stays_well(&gateway);
    drop(clients);
}

fn start() -> Watched {
    // No request goes on to it.
    let origin = Origin::start(200, &[]);
    Watched::new(Gateway::start(origin.address(), LIMITS))
}

fn send_bytes(clients: &[TcpStream]) {
    for mut client in clients {
        // An error says that the gateway has closed, which is waited for.
        let _ = client.write(b"a");
    }
}

/// `/healthz` answers within a second while others stall, and those are closed.
fn assert_stays_well(gateway: &Watched) {
    let begun = Instant::now();
    let reply = gateway.ask_admin("/healthz");
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(begun.elapsed() < Duration::from_secs(1), "after {:?}", begun.elapsed());
    gateway.assert_releases(CLOSED, 0);
}
