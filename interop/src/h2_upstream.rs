//! An upstream of HTTP/2 by prior knowledge that answers as little as it is made to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::h2_frames::{
    ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS,
};
use crate::h2_frames::{Frame, NO_ERROR, frame, next_frame};
use crate::listen;

/// RFC 7541, appendix A: `:status: 200`.
const OK: &[u8] = &[0x88];

/// The way in which a connection takes its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It answers 200 and `origin`.
    Answers,
    /// It answers 200 and begins content; frames of the connection it goes on acknowledging.
    Begins,
    /// It answers 200, begins content, and resets the stream without an error.
    BreaksOff,
    /// It answers one request, then neither reads nor writes.
    FallsSilent,
    /// It resets each stream with this code.
    Resets(u32),
    /// It answers one request, then resets each stream with this code.
    AnswersThenResets(u32),
    /// It answers so many requests, then says that it goes away and closes; what comes later is not
    /// processed.
    Leaves(u32),
}

/// A server each of whose connections has the next manner; the last one holds for all further ones.
#[derive(Debug)]
pub struct H2Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    manners: &'static [Manner],
    connections: AtomicUsize,
    closing: AtomicBool,
    held: Mutex<Vec<TcpStream>>,
}

impl H2Upstream {
    /// Starts to listen.
    ///
    /// # Panics
    /// If it cannot.
    pub fn start(manners: &'static [Manner]) -> Self {
        let listener = listen();
        let address = listener.local_addr().unwrap_or_else(|error| panic!("no address: {error}"));
        let shared = Arc::new(Shared {
            manners,
            connections: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            held: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &accepting));
        Self { address, shared }
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The connections that have come so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for H2Upstream {
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
        let number = shared.connections.fetch_add(1, Ordering::Relaxed);
        let last = shared.manners.last().copied().unwrap_or(Manner::Answers);
        let manner = shared.manners.get(number).copied().unwrap_or(last);
        let shared = Arc::clone(shared);
        thread::spawn(move || serve(stream, manner, &shared));
    }
}

/// Serves one connection; an error says that the gateway has closed.
fn serve(mut stream: TcpStream, manner: Manner, shared: &Shared) -> std::io::Result<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface)?;
    stream.write_all(&frame(SETTINGS, 0, 0, b""))?;
    while let Some(came) = next_frame(&mut stream)? {
        let Some(answer) = answer(&came, manner) else { continue };
        stream.write_all(&answer)?;
        if came.kind == HEADERS && manner == Manner::FallsSilent {
            shared.held.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
            break;
        }
        if answer.get(3) == Some(&GOAWAY) {
            // Closed with bytes unread, the connection would be reset, and the reset could reach
            // the gateway before the GOAWAY.
            while next_frame(&mut stream)?.is_some() {}
            break;
        }
    }
    Ok(())
}

fn answer(came: &Frame, manner: Manner) -> Option<Vec<u8>> {
    let acknowledged = came.flags & ACK != 0;
    match came.kind {
        SETTINGS if !acknowledged => Some(frame(SETTINGS, ACK, 0, b"")),
        PING if !acknowledged => Some(frame(PING, ACK, 0, &came.payload)),
        HEADERS => Some(answer_request(came.stream, manner)),
        _ => None,
    }
}

fn answer_request(stream: u32, manner: Manner) -> Vec<u8> {
    match manner {
        Manner::Resets(code) => frame(RST_STREAM, 0, stream, &code.to_be_bytes()),
        Manner::AnswersThenResets(code) if stream > 1 => {
            frame(RST_STREAM, 0, stream, &code.to_be_bytes())
        }
        // The client's streams have odd numbers.
        Manner::Leaves(after) if stream > 2 * after => {
            let last = (2 * after).saturating_sub(1).to_be_bytes();
            frame(GOAWAY, 0, 0, &[last, NO_ERROR.to_be_bytes()].concat())
        }
        _ => {
            let last =
                if matches!(manner, Manner::Begins | Manner::BreaksOff) { 0 } else { END_STREAM };
            let mut answer = frame(HEADERS, END_HEADERS, stream, OK);
            answer.extend(frame(DATA, last, stream, b"origin"));
            if manner == Manner::BreaksOff {
                answer.extend(frame(RST_STREAM, 0, stream, &NO_ERROR.to_be_bytes()));
            }
            answer
        }
    }
}
