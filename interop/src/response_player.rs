//! An upstream that sends prepared bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::{PATIENCE, listen};

/// An upstream that answers `GET /7` with the bytes of case 7, and closes the connection.
#[derive(Debug)]
pub struct ResponsePlayer {
    address: SocketAddr,
    closing: Arc<AtomicBool>,
}

impl ResponsePlayer {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// If it cannot listen.
    pub fn start(cases: Vec<Vec<u8>>) -> Self {
        let listener = listen();
        let address = listener.local_addr().unwrap_or_else(|error| panic!("no address: {error}"));
        let closing = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&closing);
        thread::spawn(move || accept(&listener, &flag, &Arc::new(cases)));
        Self { address, closing }
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for ResponsePlayer {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        // The thread that accepts looks at the flag when it has accepted.
        let _ = TcpStream::connect(self.address);
    }
}

fn accept(listener: &TcpListener, closing: &AtomicBool, cases: &Arc<Vec<Vec<u8>>>) {
    for stream in listener.incoming().flatten() {
        if closing.load(Ordering::Relaxed) {
            break;
        }
        let cases = Arc::clone(cases);
        thread::spawn(move || play(stream, &cases));
    }
}

/// Answers one request. It ends when the other side has closed, too.
fn play(mut stream: TcpStream, cases: &[Vec<u8>]) -> Option<()> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let head = read_head(&mut stream)?;
    let text = String::from_utf8_lossy(&head);
    let number = text.split(' ').nth(1)?.rsplit('/').next()?;
    let case = cases.get(number.parse::<usize>().ok()?)?;
    stream.write_all(case).ok()?;
    stream.shutdown(Shutdown::Write).ok()?;
    std::io::copy(&mut stream, &mut std::io::sink()).ok()?;
    Some(())
}

fn read_head(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
        head.extend_from_slice(&buffer[..length]);
    }
    Some(head)
}
