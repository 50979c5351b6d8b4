//! A proxy between a client and an admin listener that fails in a chosen way.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::{exchange, listen};

/// How requests fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// Every request is taken, and none is answered.
    Hangs,
    /// Every request is answered with this status.
    Answers(u16),
    /// Passes requests that change nothing, and loses changes before they arrive.
    LosesChange,
    /// Everything gets there; the answer to a change is lost.
    LosesAnswer,
    /// A change gets there later than its client waits.
    DelaysChange(Duration),
    /// A change gets there; from then on, no request is answered.
    FallsSilent,
}

impl Between {
    /// Listens in front of `admin`, as long as the process runs.
    ///
    /// # Panics
    /// If it cannot.
    pub fn stand_before(self, admin: SocketAddr) -> SocketAddr {
        let listener = listen();
        let address = listener.local_addr().unwrap_or_else(|error| panic!("no address: {error}"));
        thread::spawn(move || self.accept(&listener, admin));
        address
    }

    fn accept(self, listener: &TcpListener, admin: SocketAddr) {
        let (mut held, changed) = (Vec::new(), Arc::new(AtomicBool::new(false)));
        for stream in listener.incoming().flatten() {
            if self == Self::Hangs || changed.load(Ordering::Relaxed) {
                held.push(stream);
                continue;
            }
            let changed = Arc::clone(&changed);
            thread::spawn(move || self.serve(stream, admin, &changed));
        }
    }

    fn serve(self, mut stream: TcpStream, admin: SocketAddr, changed: &AtomicBool) {
        let Some(request) = read_request(&mut stream) else { return };
        let changes = request.starts_with(b"POST") && !contains(&request, b"\"dry_run\":true");
        if let Self::DelaysChange(length) = self
            && changes
        {
            #[expect(clippy::disallowed_methods, reason = "the delay is what this is for")]
            thread::sleep(length);
        }
        changed.store(self == Self::FallsSilent && changes, Ordering::Relaxed);
        let (status, body) = match self {
            Self::Hangs => return,
            Self::LosesChange if changes => return,
            Self::Answers(status) => (status, Vec::new()),
            Self::LosesChange | Self::LosesAnswer | Self::DelaysChange(_) | Self::FallsSilent => {
                let reply = exchange(admin, &request, false).0;
                (reply.status, reply.body)
            }
        };
        if matches!(self, Self::LosesAnswer | Self::FallsSilent) && changes {
            return;
        }
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        // The client may be gone.
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
    }
}

/// One request, which asks for the connection to be closed.
fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut read = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
        read.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let declared = head.lines().find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()
        });
        if body.len() >= declared.unwrap_or(0) {
            return Some(format!("{head}\r\nconnection: close\r\n\r\n{body}").into_bytes());
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
