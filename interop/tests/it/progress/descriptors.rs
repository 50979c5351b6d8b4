//! A gateway that has no descriptors left.

use std::net::TcpStream;

use interop::{Gateway, Resting, exchange, read_reply, send};

use super::settled_descriptors;

/// Descriptors of the gateway; it uses some thirty itself.
const MOST: usize = 64;

/// KIND: running out of descriptors is reported as the upstream's fault, and rests the replica (F12).
#[test]
fn running_out_of_descriptors_is_503_and_rests_no_replica() {
    let upstream = Resting::start();
    let gateway = Gateway::with_descriptors(upstream.address(), "", MOST);
    let request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    // All are accepted; with a connection to the upstream for each, they are too many.
    let count = MOST.saturating_sub(settled_descriptors(&gateway)) * 2 / 3;
    let mut clients: Vec<TcpStream> = (0..count).map(|_| send(gateway.http(), b"")).collect();
    for client in &mut clients {
        std::io::Write::write_all(client, request).unwrap_or_else(|error| panic!("{error}"));
    }
    let held = upstream.settle();
    assert!((1..count).contains(&held), "{held} of {count} requests arrived");
    upstream.release();
    let mut statuses = Vec::new();
    for client in &mut clients {
        let reply = read_reply(client, false);
        let text = format!("{} {:?}", reply.text().to_ascii_lowercase(), reply.fields);
        assert!(reply.status == 200 || !text.contains("upstream"), "blamed: {text}");
        statuses.push(reply.status);
    }
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
    assert!(statuses.contains(&503), "{statuses:?}");
    drop(clients);
    let (next, _) = exchange(gateway.http(), request, false);
    assert_eq!(next.status, 200, "the next request: {next:?}");
}
