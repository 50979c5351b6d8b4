//! TCP sockets that programs on this machine hold, as the kernel lists them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::wait;

/// Between two looks: the list is long where many tests run.
const LOOK: Duration = Duration::from_millis(50);

/// `TCP_LISTEN` in the kernel's list.
const LISTENING: &str = "0A";

/// Connections from the gateway to the upstream at `address` that the gateway has not closed.
pub fn open_towards(address: SocketAddr) -> usize {
    held_sockets().filter(|socket| socket.remote_port == address.port()).count()
}

/// Connections of clients to the gateway at `address` that the gateway has not closed.
pub fn open_at(address: SocketAddr) -> usize {
    held_sockets().filter(|socket| socket.local_port == address.port()).count()
}

/// Waits until `count` gives at most `most`; tells whether it did within `limit`.
pub fn falls_to(most: usize, limit: Duration, mut count: impl FnMut() -> usize) -> bool {
    reached(limit, || count() <= most)
}

/// Waits until `count` gives at least `least`; tells whether it did within `limit`.
pub fn rises_to(least: usize, limit: Duration, mut count: impl FnMut() -> usize) -> bool {
    reached(limit, || count() >= least)
}

fn reached(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if done() {
            return true;
        }
        wait(LOOK);
    }
    false
}

struct Socket {
    local_port: u16,
    remote_port: u16,
}

/// Those that a program still has open: a closed one stays in the list for a while without inode.
fn held_sockets() -> impl Iterator<Item = Socket> {
    let mut sockets = Vec::new();
    for list in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = std::fs::read_to_string(list).unwrap_or_default();
        sockets.extend(text.lines().skip(1).filter_map(read_socket));
    }
    sockets.into_iter()
}

fn read_socket(line: &str) -> Option<Socket> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let held = words.get(9)? != &"0" && words.get(3)? != &LISTENING;
    let (local_port, remote_port) = (read_port(words.get(1)?)?, read_port(words.get(2)?)?);
    held.then_some(Socket { local_port, remote_port })
}

fn read_port(address: &str) -> Option<u16> {
    u16::from_str_radix(address.rsplit(':').next()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn connections_are_counted_on_both_sides() {
        let listener = crate::listen();
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let client = TcpStream::connect(address);
        let accepted = listener.accept();
        assert_eq!((open_towards(address), open_at(address)), (1, 1));
        drop((client, accepted));
        assert_eq!((open_towards(address), open_at(address)), (0, 0));
    }
}
