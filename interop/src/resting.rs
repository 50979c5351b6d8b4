//! An upstream whose connections rest, and then break under the next request.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::{PATIENCE, listen, read_reply, send, wait};

/// An upstream that first holds requests back, to be sent many at once, and later closes at each
/// without an answer.
#[derive(Debug)]
pub struct Resting {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: usize,
    phase: Phase,
    arrived: Vec<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Requests wait for others.
    #[default]
    Holding,
    /// Held requests are answered.
    Released,
    /// Connections that have served before close at the next request; new ones, too, if so.
    Breaking { new: bool },
    /// No more connections are accepted.
    Closed,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, phase: Phase) {
        self.state().phase = phase;
        self.changed.notify_all();
    }
}

impl Resting {
    /// Starts to listen.
    ///
    /// # Panics
    /// If it cannot.
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

    /// From now on it closes at a request without an answer: on connections that have served
    /// before, and on new ones if `new`.
    pub fn break_connections(&self, new: bool) {
        self.shared.enter(Phase::Breaking { new });
    }

    /// The request lines that came since [`Self::break_connections`].
    pub fn arrived(&self) -> Vec<String> {
        self.shared.state().arrived.clone()
    }

    /// Waits until no more requests arrive; gives the number of those that are held back.
    pub fn settle(&self) -> usize {
        let mut held = 0;
        for _ in 0..20 {
            let before = held;
            wait(Duration::from_millis(300));
            held = self.held();
            if held > 0 && held == before {
                break;
            }
        }
        held
    }

    /// Answers the requests that were held back, and those that come.
    pub fn release(&self) {
        self.shared.enter(Phase::Released);
    }

    fn held(&self) -> usize {
        self.shared.state().held
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        self.shared.enter(Phase::Closed);
        // The thread that accepts looks at the phase when it has accepted.
        let _ = TcpStream::connect(self.address);
    }
}

/// Makes `count` connections rest between the gateway at `front` and `upstreams`: as many requests
/// are open at once.
///
/// # Panics
/// If they are not.
pub fn rest_connections(front: SocketAddr, upstreams: &[&Resting], count: usize) {
    let request = b"GET /rest HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let mut clients: Vec<TcpStream> = (0..count).map(|_| send(front, request)).collect();
    crate::program::until("all requests", || {
        let held: usize = upstreams.iter().map(|upstream| upstream.held()).sum();
        (held == count).then_some(())
    });
    for upstream in upstreams {
        upstream.release();
    }
    for client in &mut clients {
        assert_eq!(read_reply(client, false).status, 200);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming().flatten() {
        if shared.state().phase == Phase::Closed {
            break;
        }
        let shared = Arc::clone(shared);
        thread::spawn(move || serve(stream, &shared));
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) -> Option<()> {
    let mut served = false;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    while let Some(line) = read_head(&mut stream) {
        if !may_answer(line, shared, served) {
            return None;
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\norigin").ok()?;
        served = true;
    }
    None
}

/// Waits while requests are held back; returns true if they are to be answered.
fn may_answer(line: String, shared: &Shared, served: bool) -> bool {
    let mut state = shared.state();
    if state.phase == Phase::Holding {
        state.held += 1;
        let waited = shared.changed.wait_timeout_while(state, PATIENCE, is_holding);
        return waited.is_ok_and(|(state, _)| state.phase == Phase::Released);
    }
    match state.phase {
        Phase::Breaking { new } => {
            state.arrived.push(line);
            !served && !new
        }
        phase => phase == Phase::Released,
    }
}

fn is_holding(state: &mut State) -> bool {
    state.phase == Phase::Holding
}

/// The request line, once the fields have ended; content is left unread.
fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    text.lines().next().map(str::to_owned)
}
