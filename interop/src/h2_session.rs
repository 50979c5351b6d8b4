//! A connection of HTTP/2 that goes on while a test looks on.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::h2_frames::{ACK, DATA, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS};
use crate::h2_frames::{Frame, frame, next_frame, open_http2};
use crate::{Count, tally};

/// A client's connection; a thread reads it, and acknowledges SETTINGS and PINGs.
#[derive(Debug)]
pub struct H2Session {
    stream: TcpStream,
    came: Arc<Came>,
}

#[derive(Debug, Default)]
struct Came {
    frames: Mutex<Vec<Frame>>,
    closed: AtomicBool,
}

impl H2Session {
    /// Connects, and sends the preface and `first`.
    ///
    /// # Panics
    /// If nothing listens there.
    pub fn open(to: SocketAddr, first: &[u8]) -> Self {
        let stream = open_http2(to, first).unwrap_or_else(|error| panic!("{to}: {error}"));
        let reading = stream.try_clone().unwrap_or_else(|error| panic!("{to}: {error}"));
        let came = Arc::new(Came::default());
        let kept = Arc::clone(&came);
        thread::spawn(move || read_frames(reading, &kept));
        Self { stream, came }
    }

    /// Sends frames; on a connection that is over, nothing.
    pub fn send(&self, frames: &[u8]) {
        tally(Count::Inputs, 1);
        // The end of the connection is seen by the thread that reads.
        let _ = (&self.stream).write_all(frames);
    }

    /// Sends a PING.
    pub fn ping(&self) {
        self.send(&frame(PING, 0, 0, b"upshift!"));
    }

    /// Returns true if the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.came.closed.load(Ordering::Relaxed)
    }

    /// Counts the frames that have come and are as `wanted`.
    pub fn count(&self, wanted: impl Fn(&Frame) -> bool) -> usize {
        let frames = self.came.frames.lock().unwrap_or_else(PoisonError::into_inner);
        frames.iter().filter(|frame| wanted(frame)).count()
    }

    /// The content that has come on a stream, in bytes.
    pub fn content(&self, stream: u32) -> usize {
        let frames = self.came.frames.lock().unwrap_or_else(PoisonError::into_inner);
        let data = frames.iter().filter(|frame| (frame.kind, frame.stream) == (DATA, stream));
        data.map(|frame| frame.payload.len()).sum()
    }

    /// Returns true if a stream ended normally.
    pub fn is_complete(&self, stream: u32) -> bool {
        self.count(|frame| {
            let last = matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0;
            last && frame.stream == stream
        }) > 0
    }

    /// Returns true if a stream was aborted: reset, or cut off by the end of the connection.
    pub fn is_broken(&self, stream: u32) -> bool {
        let reset = self.count(|frame| (frame.kind, frame.stream) == (RST_STREAM, stream)) > 0;
        reset || (self.is_closed() && !self.is_complete(stream))
    }
}

impl Drop for H2Session {
    fn drop(&mut self) {
        self.stream.shutdown(std::net::Shutdown::Both).ok();
    }
}

fn read_frames(mut stream: TcpStream, came: &Came) {
    while let Ok(Some(next)) = next_frame(&mut stream) {
        match next.kind {
            SETTINGS if next.flags & ACK == 0 => {
                let _ = stream.write_all(&frame(SETTINGS, ACK, 0, b""));
            }
            PING if next.flags & ACK == 0 => {
                let _ = stream.write_all(&frame(PING, ACK, 0, &next.payload));
            }
            _ => {}
        }
        let last = next.kind == GOAWAY && next.error() != Some(0);
        came.frames.lock().unwrap_or_else(PoisonError::into_inner).push(next);
        if last {
            break;
        }
    }
    came.closed.store(true, Ordering::Relaxed);
}
