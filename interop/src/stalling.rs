//! An upstream that stops in the middle, in the way that the path of the request says.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::{PATIENCE, listen, pause};

/// An HTTP/1.1 upstream; each connection serves one request.
///
/// `/pour/N` answers N bytes as fast as they are taken; `/trickle/N` 1 KiB every 200 ms. `/length`
/// and `/chunked` begin a body and send nothing more. `/deaf` reads the fields and nothing more;
/// `/switch` agrees to a WebSocket, then sends two bytes every 200 ms and reads nothing; `/flood`
/// agrees as well, and sends without end. `/echo` agrees, and sends back what comes.
#[derive(Debug)]
pub struct Stalling {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    closing: AtomicBool,
    held: Mutex<Vec<TcpStream>>,
}

/// RFC 6455 §1.3: the answer to the key `dGhlIHNhbXBsZSBub25jZQ==`.
const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\n\
    Connection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Between two small writes.
const BEAT: Duration = Duration::from_millis(200);

impl Stalling {
    /// Starts to listen.
    ///
    /// # Panics
    /// If it cannot.
    pub fn start() -> Self {
        let listener = listen();
        // Connections inherit it; else the kernel takes megabytes before anything stalls.
        let small = SockRef::from(&listener).set_recv_buffer_size(4096);
        small.unwrap_or_else(|error| panic!("no small buffer: {error}"));
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
}

impl Drop for Stalling {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        self.shared.held.lock().unwrap_or_else(PoisonError::into_inner).clear();
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

/// Serves one request; an error says that the gateway has closed.
fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let target = read_target(&mut stream)?;
    match target.rsplit_once('/').unwrap_or_default() {
        ("/pour", length) => pour(&stream, begin(&stream, length)?)?,
        ("/trickle", length) => trickle(&stream, begin(&stream, length)?, shared)?,
        (_, "length") => {
            begin(&stream, "100000")?;
            pour(&stream, 1000)?;
        }
        (_, "chunked") => {
            let chunk = format!("3e8\r\n{}\r\n", "x".repeat(1000));
            write!(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}")?;
        }
        (_, "switch" | "flood" | "echo") => switch(&stream, &target, shared)?,
        _ => {}
    }
    // It stays open, and nothing more is read or written.
    shared.held.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
    Ok(())
}

/// Begins an answer of that length.
fn begin(mut stream: &TcpStream, length: &str) -> std::io::Result<usize> {
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")?;
    Ok(length.parse().unwrap_or(0))
}

fn switch(mut stream: &TcpStream, target: &str, shared: &Shared) -> std::io::Result<()> {
    stream.write_all(AGREED.as_bytes())?;
    match target {
        "/switch" => beat(stream, shared),
        "/flood" => pour(stream, usize::MAX),
        _ => std::io::copy(&mut &*stream, &mut stream).map(|_| ()),
    }
}

/// The path of the request, once its fields have ended.
fn read_target(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    Ok(text.split(' ').nth(1).unwrap_or_default().to_owned())
}

fn pour(mut stream: &TcpStream, mut length: usize) -> std::io::Result<()> {
    let block = [0x82; 16 * 1024];
    while length > 0 {
        let part = length.min(block.len());
        stream.write_all(&block[..part])?;
        length -= part;
    }
    Ok(())
}

fn trickle(mut stream: &TcpStream, length: usize, shared: &Shared) -> std::io::Result<()> {
    let mut left = length;
    while left > 0 && !shared.closing.load(Ordering::Relaxed) {
        let part = left.min(1024);
        stream.write_all(&[b'x'; 1024][..part])?;
        left -= part;
        wait(BEAT);
    }
    Ok(())
}

/// Pings of a WebSocket without content (RFC 6455 §5.5.2), until the gateway closes.
fn beat(mut stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE && !shared.closing.load(Ordering::Relaxed) {
        stream.write_all(b"\x89\x00")?;
        wait(BEAT);
    }
    Ok(())
}

/// Waits, for a peer whose pace is what is tested.
pub fn wait(time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        pause();
    }
}
