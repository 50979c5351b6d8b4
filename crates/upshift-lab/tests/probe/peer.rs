//! A server that answers each connection with octets that a function chooses.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A server, for as long as the test program runs.
pub(crate) struct Peer {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Peer {
    /// Reads the first message of each connection, and sends what `answer` makes of it.
    pub(crate) fn start(answer: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(answer);
        let log = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                thread::spawn(move || serve(stream, &log, answer.as_ref()));
            }
        });
        Self { address, seen }
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The first message of each connection so far.
    pub(crate) fn seen(&self) -> Vec<Vec<u8>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The requests of HTTP/1 so far, as text.
    pub(crate) fn requests(&self) -> Vec<String> {
        let mut requests = Vec::new();
        for octets in self.seen() {
            let text = String::from_utf8_lossy(&octets).into_owned();
            if text.contains(" HTTP/1.") || text.contains(" HTTP/3.") {
                requests.push(text);
            }
        }
        requests
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Vec<u8>>>, answer: &dyn Fn(&[u8]) -> Vec<u8>) {
    // Longer than a probe waits. It only ends the threads of a test that failed.
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    while !is_message(&received) {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(length) => received.extend_from_slice(&buffer[..length]),
        }
    }
    log.lock().unwrap().push(received.clone());
    let _ = stream.write_all(&answer(&received));
    let _ = stream.shutdown(Shutdown::Write);
    // A close with unread octets would be a reset, which could destroy the answer.
    while matches!(stream.read(&mut buffer), Ok(1..)) {}
}

/// Returns true for a header section, a ClientHello, or the whole start of HTTP/2: its preface and
/// at least one frame.
fn is_message(received: &[u8]) -> bool {
    match received {
        [0x16, ..] => true,
        [b'P', b'R', b'I', ..] => received.len() > 24 + 9,
        _ => received.windows(4).any(|four| four == b"\r\n\r\n"),
    }
}
