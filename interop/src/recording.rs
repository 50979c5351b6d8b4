//! An upstream that keeps every byte that it receives.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::strict::{Message, Reading, read_requests};

/// The bytes with which a request is answered.
pub type Answer = fn(&Message) -> Vec<u8>;

/// An HTTP/1.1 upstream that reads strictly: it answers complete requests, and 400 to what is none.
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    connections: Mutex<Vec<Vec<u8>>>,
    closing: AtomicBool,
}

impl Shared {
    fn connections(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder {
    /// Answers everything with 200 and `origin`.
    pub fn start() -> Self {
        Self::answering(plain)
    }

    /// Answers as `answer` says.
    ///
    /// # Panics
    /// If it cannot listen.
    pub fn answering(answer: Answer) -> Self {
        let listener = listen();
        let address = listener.local_addr().unwrap_or_else(|error| panic!("no address: {error}"));
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &accepting, answer));
        Self { address, shared }
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The bytes of each connection.
    pub fn raw(&self) -> Vec<Vec<u8>> {
        self.shared.connections().clone()
    }

    /// Each connection, read.
    pub fn readings(&self) -> Vec<Reading> {
        let connections = self.shared.connections();
        connections.iter().map(|bytes| read_requests(bytes)).collect()
    }

    /// The requests that came whole.
    pub fn requests(&self) -> Vec<Message> {
        self.readings().into_iter().flat_map(|reading| reading.complete).collect()
    }

    /// The request with this path, if it came whole.
    pub fn request(&self, target: &str) -> Option<Message> {
        self.requests().into_iter().find(|message| message.target() == target)
    }

    /// The request lines of all requests that came whole, in the order of the alphabet.
    pub fn lines(&self) -> Vec<String> {
        let requests = self.requests().into_iter();
        let mut lines: Vec<String> = requests.map(|message| message.line).collect();
        lines.sort();
        lines
    }

    /// The rules that the gateway broke.
    pub fn faults(&self) -> Vec<String> {
        self.readings().into_iter().filter_map(|reading| reading.fault).collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        // The thread that accepts looks at the flag when it has accepted.
        let _ = TcpStream::connect(self.address);
    }
}

/// 200 and `origin`.
pub fn plain(request: &Message) -> Vec<u8> {
    let content = if request.line.starts_with("HEAD ") { "" } else { "origin" };
    format!("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n{content}").into_bytes()
}

/// A listener on a free port of the loopback.
///
/// # Panics
/// If there is none.
pub fn listen() -> TcpListener {
    let bound = TcpListener::bind(("127.0.0.1", 0));
    bound.unwrap_or_else(|error| panic!("no free port: {error}"))
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, answer: Answer) {
    for stream in listener.incoming().flatten() {
        if shared.closing.load(Ordering::Relaxed) {
            break;
        }
        let mut connections = shared.connections();
        connections.push(Vec::new());
        let (index, shared) = (connections.len() - 1, Arc::clone(shared));
        thread::spawn(move || serve(stream, &shared, index, answer));
    }
}

/// Keeps what comes, and answers each request that is complete; it ends when the gateway closes or
/// breaks a rule.
fn serve(mut stream: TcpStream, shared: &Shared, index: usize, answer: Answer) {
    let mut answered = 0;
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        let mut connections = shared.connections();
        let bytes = &mut connections[index];
        bytes.extend_from_slice(&buffer[..length]);
        let reading = read_requests(bytes);
        drop(connections);
        for request in &reading.complete[answered..] {
            if stream.write_all(&answer(request)).is_err() {
                return;
            }
        }
        answered = reading.complete.len();
        if reading.fault.is_some() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            return;
        }
    }
}
