//! An upstream that answers each request with the request.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::listen;
use crate::strict::{Message, read_requests};

/// An HTTP/1.1 upstream that reads strictly. It answers a request with its method, its target and
/// its content, in hexadecimal with commas between them. It answers malformed bytes with 409, which
/// no proxy answers itself.
#[derive(Debug)]
pub struct EchoOrigin {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    requests: AtomicUsize,
    faults: Mutex<Vec<String>>,
    closing: AtomicBool,
}

impl Shared {
    fn faults(&self) -> MutexGuard<'_, Vec<String>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EchoOrigin {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// If it cannot listen.
    pub fn start() -> Self {
        let listener = listen();
        let address = listener.local_addr().unwrap_or_else(|error| panic!("no address: {error}"));
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &accepting));
        Self { address, shared }
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of requests that it has answered.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// The malformed bytes that it has received, and why they are malformed.
    pub fn faults(&self) -> Vec<String> {
        self.shared.faults().clone()
    }
}

impl Drop for EchoOrigin {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        // The thread that accepts looks at the flag when it has accepted.
        let _ = TcpStream::connect(self.address);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming().flatten() {
        if shared.closing.load(Ordering::Relaxed) {
            break;
        }
        let shared = Arc::clone(shared);
        thread::spawn(move || serve(stream, &shared));
    }
}

/// Answers the requests of a connection, until the other side closes it or breaks a rule.
fn serve(mut stream: TcpStream, shared: &Shared) {
    let mut unread = Vec::new();
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        unread.extend_from_slice(&buffer[..length]);
        let reading = read_requests(&unread);
        unread.drain(..reading.consumed);
        for request in &reading.complete {
            shared.requests.fetch_add(1, Ordering::Relaxed);
            if stream.write_all(&echo(request)).is_err() {
                return;
            }
        }
        if let Some(fault) = reading.fault {
            shared.faults().push(fault);
            let _ = stream.write_all(REFUSAL);
            return;
        }
    }
}

const REFUSAL: &[u8] = b"HTTP/1.1 409 Malformed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

fn echo(request: &Message) -> Vec<u8> {
    let method = request.line.split(' ').next().unwrap_or_default();
    let parts = [method.as_bytes(), request.target().as_bytes(), &request.content];
    let content = parts.map(hexadecimal).join(",");
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{content}", content.len()).into_bytes()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
