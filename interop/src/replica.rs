//! A replica that can be made to fail in the ways in which replicas do.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use crate::{listen, wait};

/// What a replica does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It answers 200 at once.
    Serves,
    /// It answers 200 after a while.
    ServesSlowly,
    /// It accepts the connection and closes it.
    Closes,
    /// It reads the request and resets the connection.
    Resets,
    /// It answers this status at once.
    Answers(u16),
    /// It never answers.
    Hangs,
    /// It answers something that is not HTTP.
    Garbles,
    /// It closes after half of its answer's content.
    Truncates,
    /// It serves one request of each connection, and closes when the second has come.
    ClosesSecond,
    /// The same, with a reset.
    ResetsSecond,
    /// It serves one request of so many, and answers the others with this status.
    ServesOneOf(usize, u16),
    /// It serves one request of so many, and resets the connection at the others.
    ResetsAllButOneOf(usize),
}

impl Behaviour {
    /// The behaviour at the request that is the `number`th of the replica, and the
    /// `on_connection`th of its connection.
    fn at(self, number: usize, on_connection: usize) -> Self {
        match self {
            Self::ClosesSecond if on_connection > 1 => Self::Closes,
            Self::ResetsSecond if on_connection > 1 => Self::Resets,
            Self::ServesOneOf(of, status) if !number.is_multiple_of(of) => Self::Answers(status),
            Self::ResetsAllButOneOf(of) if !number.is_multiple_of(of) => Self::Resets,
            Self::ClosesSecond
            | Self::ResetsSecond
            | Self::ServesOneOf(..)
            | Self::ResetsAllButOneOf(_) => Self::Serves,
            other => other,
        }
    }
}

/// The time that [`Behaviour::ServesSlowly`] takes.
pub const SLOWLY: Duration = Duration::from_millis(300);

/// An HTTP/1.1 server whose behaviour can be changed while it runs.
#[derive(Debug)]
pub struct Replica {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    behaviour: Mutex<Behaviour>,
    /// What it does with a request for `/healthz`, if that is something else.
    health: Mutex<Option<Behaviour>>,
    requests: AtomicUsize,
    checks: AtomicUsize,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    closing: AtomicBool,
}

impl Replica {
    /// Starts to listen.
    ///
    /// # Panics
    /// If it cannot.
    pub fn start(behaviour: Behaviour) -> Self {
        let listener = listen();
        let address = listener.local_addr().unwrap_or_else(|error| panic!("no address: {error}"));
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(behaviour),
            health: Mutex::new(None),
            requests: AtomicUsize::new(0),
            checks: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &accepting));
        Self { address, shared }
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes its behaviour from the next request on.
    pub fn set(&self, behaviour: Behaviour) {
        *lock(&self.shared.behaviour) = behaviour;
    }

    /// Changes what it does with health checks.
    pub fn set_health(&self, behaviour: Behaviour) {
        *lock(&self.shared.health) = Some(behaviour);
    }

    /// The number of requests that reached it, health checks apart.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// The number of health checks that reached it.
    pub fn checks(&self) -> usize {
        self.shared.checks.load(Ordering::SeqCst)
    }

    /// The greatest number of requests that it had at once.
    pub fn most_under_way(&self) -> usize {
        self.shared.most_under_way.load(Ordering::SeqCst)
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        // The thread that accepts looks at the flag when it has accepted.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming().flatten() {
        if shared.closing.load(Ordering::SeqCst) {
            break;
        }
        let shared = Arc::clone(shared);
        thread::spawn(move || serve(stream, &shared));
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) {
    if *lock(&shared.behaviour) == Behaviour::Closes {
        return;
    }
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    let mut on_connection = 0;
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        read.extend_from_slice(&buffer[..length]);
        if !read.windows(4).any(|window| window == b"\r\n\r\n") {
            continue;
        }
        let is_check = read.starts_with(b"GET /healthz ");
        read.clear();
        let health = lock(&shared.health).filter(|_| is_check);
        let behaviour = health.unwrap_or(*lock(&shared.behaviour));
        let counted = if is_check { &shared.checks } else { &shared.requests };
        let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
        on_connection += 1;
        let behaviour = behaviour.at(number, on_connection);
        let under_way = shared.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most_under_way.fetch_max(under_way, Ordering::SeqCst);
        let goes_on = answer(&mut stream, behaviour, shared);
        shared.under_way.fetch_sub(1, Ordering::SeqCst);
        if !goes_on {
            return;
        }
    }
}

/// Answers one request, and returns whether the connection goes on.
fn answer(stream: &mut TcpStream, behaviour: Behaviour, shared: &Shared) -> bool {
    match behaviour {
        // What depends on a count has become one of the others.
        Behaviour::Serves
        | Behaviour::ClosesSecond
        | Behaviour::ResetsSecond
        | Behaviour::ServesOneOf(..)
        | Behaviour::ResetsAllButOneOf(_) => send(stream, "200 OK", "ok"),
        Behaviour::ServesSlowly => {
            wait(SLOWLY);
            send(stream, "200 OK", "ok")
        }
        Behaviour::Closes => false,
        Behaviour::Resets => {
            // With a linger of zero, closing sends RST.
            SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).ok();
            false
        }
        Behaviour::Answers(status) => send(stream, &format!("{status} Status"), "bad"),
        Behaviour::Hangs => {
            while !shared.closing.load(Ordering::SeqCst)
                && *lock(&shared.behaviour) == Behaviour::Hangs
            {
                wait(Duration::from_millis(20));
            }
            false
        }
        Behaviour::Garbles => {
            let _ = stream.write_all(b"220 smtp.example ESMTP\r\n");
            false
        }
        Behaviour::Truncates => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
            false
        }
    }
}

fn send(stream: &mut TcpStream, status: &str, content: &str) -> bool {
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{content}", content.len());
    stream.write_all(answer.as_bytes()).is_ok()
}

/// An address that answers no SYN, as one behind a firewall does.
#[derive(Debug)]
pub struct BlackHole {
    address: SocketAddr,
    _listener: Socket,
    /// Connections that fill its queue: the kernel drops what comes after.
    _queue: Vec<Socket>,
}

impl BlackHole {
    /// Fills the queue of a listener that accepts nothing.
    ///
    /// # Panics
    /// If it cannot listen.
    pub fn start() -> Self {
        let listener = stream_socket();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        listener.bind(&any.into()).unwrap_or_else(|error| panic!("no free port: {error}"));
        listener.listen(0).unwrap_or_else(|error| panic!("cannot listen: {error}"));
        let bound = listener.local_addr().ok().and_then(|address| address.as_socket());
        let address = bound.unwrap_or_else(|| panic!("no address"));
        let queue = (0..4).map(|_| {
            let socket = stream_socket();
            socket.set_nonblocking(true).ok();
            // It is in progress, or waits without end: both are wanted.
            let _ = socket.connect(&address.into());
            socket
        });
        let queue = queue.collect();
        wait(Duration::from_millis(50));
        Self { address, _listener: listener, _queue: queue }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn stream_socket() -> Socket {
    Socket::new(Domain::IPV4, Type::STREAM, None)
        .unwrap_or_else(|error| panic!("no socket: {error}"))
}
