//! A gateway on free ports, upstreams that do as told, and clients that write bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use upshift_gateway::{Addresses, Gateway, Handle, Settings, TlsFiles, Upstream};

/// Nothing in these tests waits longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A gateway that stops when it is dropped.
pub(crate) struct Running {
    pub(crate) addresses: Addresses,
    pub(crate) handle: Handle,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start(settings: Settings) -> Self {
        Self::of(Gateway::bind(settings).expect("the gateway binds free ports"))
    }

    pub(crate) fn of(gateway: Gateway) -> Self {
        let (addresses, handle) = (gateway.addresses(), gateway.handle());
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime
                .block_on(gateway.run(async {
                    let _ = stopped.await;
                }))
                .expect("the gateway runs");
        });
        Self { addresses, handle, stop: Some(stop), thread: Some(thread) }
    }

    /// In front of `upstream`, with settings that suit a test.
    pub(crate) fn before(upstream: &TestUpstream) -> Self {
        Self::start(settings(upstream.address))
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.addresses.http.expect("there is a cleartext listener")
    }

    /// Tells it to stop, without waiting.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until it has stopped.
    pub(crate) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the gateway ended well");
        }
    }

    /// GETs `path` on the admin listener until `done` says the answer will do.
    pub(crate) fn admin(&self, path: &str, done: impl Fn(&str) -> bool) -> String {
        let address = self.addresses.admin.expect("there is an admin listener");
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = exchange(
                address,
                &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
            );
            if done(&answer) {
                return answer;
            }
            assert!(Instant::now() < until, "{path} never said so: {answer}");
            thread::park_timeout(Duration::from_millis(50));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// All ports free, time limits short enough for a test to see them.
pub(crate) fn settings(upstream: SocketAddr) -> Settings {
    let mut settings = Settings { workers: 1, ..Settings::default() };
    let file = &mut settings.file;
    file.gateway.http = Some(free());
    file.gateway.admin = Some(free());
    file.upstreams = vec![Upstream::at(upstream)];
    file.limits.drain = Duration::from_secs(5);
    settings
}

/// [`settings`], with what `change` does to them.
pub(crate) fn settings_with(upstream: SocketAddr, change: impl FnOnce(&mut Settings)) -> Settings {
    let mut changed = settings(upstream);
    change(&mut changed);
    changed
}

pub(crate) fn free() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// An address that refuses connections while the socket is open. The socket keeps the port, which a
/// test that runs at the same time could otherwise get, and does not listen.
pub(crate) fn refusing_address() -> (socket2::Socket, SocketAddr) {
    let socket =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&free().into()).expect("a free port");
    let address = socket.local_addr().expect("bound").as_socket().expect("an IP address");
    (socket, address)
}

/// A certificate for `localhost`, signed by itself, in files of its own.
pub(crate) struct Certificate {
    pub(crate) files: TlsFiles,
}

impl Certificate {
    pub(crate) fn make() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let files = TlsFiles {
            certificate: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
        };
        let made =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        std::fs::write(&files.certificate, made.cert.pem()).expect("a writable folder");
        std::fs::write(&files.key, made.signing_key.serialize_pem()).expect("a writable folder");
        Self { files }
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.files.certificate);
        let _ = std::fs::remove_file(&self.files.key);
    }
}

/// An upstream that keeps what it received and answers what it is told.
pub(crate) struct TestUpstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl TestUpstream {
    /// Answers every request of every connection with `answer`, byte for byte.
    pub(crate) fn answering(answer: &'static str) -> Self {
        Self::scripted(move |_| Some(answer.to_owned()))
    }

    /// Answers each head and body that arrived with what `script` says; `None` closes.
    pub(crate) fn scripted(
        script: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (record, script) = (Arc::clone(&seen), Arc::new(script));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (record, script) = (Arc::clone(&record), Arc::clone(&script));
                thread::spawn(move || answer_all(stream, &record, &*script));
            }
        });
        Self { address, seen }
    }

    /// The requests so far, bodies included.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no test thread panicked").clone()
    }

    /// The only request so far.
    pub(crate) fn only(&self) -> String {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "one request was expected: {seen:?}");
        seen.into_iter().next().unwrap_or_default()
    }
}

fn answer_all(
    mut stream: TcpStream,
    record: &Mutex<Vec<String>>,
    script: &dyn Fn(&str) -> Option<String>,
) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    while let Some(request) = read_message(&mut stream) {
        record.lock().expect("no test thread panicked").push(request.clone());
        match script(&request) {
            Some(answer) => {
                if stream.write_all(answer.as_bytes()).is_err()
                    || answer.to_ascii_lowercase().contains("connection: close")
                {
                    break;
                }
            }
            None => break,
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// One message: its head, and a body by `Content-Length` or in chunks.
pub(crate) fn read_message(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut byte = [0; 1];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    if head.contains("transfer-encoding: chunked") {
        while !bytes.ends_with(b"\r\n\r\n") || !has_last_chunk(&bytes) {
            if stream.read(&mut byte).ok()? == 0 {
                return None;
            }
            bytes.push(byte[0]);
        }
    } else if let Some(length) =
        field(&head, "content-length").and_then(|length| length.parse::<usize>().ok())
    {
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        bytes.extend(body);
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn has_last_chunk(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).contains("\r\n0\r\n")
}

/// The value of a field in a message, if it is there.
pub(crate) fn field(message: &str, name: &str) -> Option<String> {
    let head = message.split("\r\n\r\n").next().unwrap_or_default();
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

/// Whether all that came is a `101`, and nothing after it.
pub(crate) fn is_cut_off(answer: &str) -> bool {
    status(answer) == 101 && answer.ends_with("\r\n\r\n")
}

/// The status of an answer.
pub(crate) fn status(message: &str) -> u16 {
    message.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the gateway listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    stream
}

/// Writes `request` and reads until the connection closes.
pub(crate) fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).expect("the request is written");
    rest(&mut stream)
}

/// Everything up to the close.
pub(crate) fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("the connection closes in good order");
    String::from_utf8_lossy(&bytes).into_owned()
}
