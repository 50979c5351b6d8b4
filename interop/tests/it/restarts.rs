//! Stopping a gateway, and replacing it with the next process: no client is refused or reset.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use interop::{
    Gateway, H3Reply, Origin, PATIENCE, Program, Reply, Scratch, ask_http3, binary, exchange,
    free_port, peers, send, upshift,
};
use serde_json::{Value, json};

use crate::operations::eventually;

/// A rule, so that the file is complete.
const RULE: &str =
    "[[rule]]\nid = \"accounts\"\npaths = [\"/account/**\"]\nrequire = { tls = \"1.2\" }\n";

const LAME_DUCK: &str = "[limits]\nlame-duck = \"1s\"\n";

const ACCOUNT: &[u8] = b"GET /account/7 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

/// Half of a request, which keeps a gateway from ending.
const HALF: &[u8] = b"POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc";

/// Clients that open a connection for each request, one after the other.
struct Clients {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Vec<String>>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    answered: AtomicUsize,
}

impl Clients {
    fn start(to: SocketAddr, count: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let threads = (0..count).map(|_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || ask_until_stopped(&shared, to))
        });
        Self { threads: threads.collect(), shared }
    }

    /// Waits until `more` further requests are answered.
    fn have_more_answers(&self, more: usize) {
        let before = self.shared.answered.load(Ordering::Relaxed);
        let answered =
            || (self.shared.answered.load(Ordering::Relaxed) >= before + more).then_some(());
        assert!(eventually(answered).is_some(), "no more answers after {before}");
    }

    /// Stops the clients. Returns the number of requests that were answered 200, and the failures
    /// of the others.
    fn stop(self) -> (usize, Vec<String>) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut failures = Vec::new();
        for thread in self.threads {
            failures.extend(thread.join().unwrap_or_else(|_| panic!("a client panicked")));
        }
        (self.shared.answered.load(Ordering::Relaxed), failures)
    }
}

fn ask_until_stopped(shared: &Shared, to: SocketAddr) -> Vec<String> {
    let mut failures = Vec::new();
    for _ in 0..100_000 {
        if shared.stop.load(Ordering::Relaxed) {
            break;
        }
        match get(to) {
            Ok(200) => drop(shared.answered.fetch_add(1, Ordering::Relaxed)),
            Ok(status) => failures.push(status.to_string()),
            Err(error) => failures.push(error.to_string()),
        }
    }
    failures
}

fn get(to: SocketAddr) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(GET)?;
    let mut read = Vec::new();
    stream.read_to_end(&mut read)?;
    Ok(Reply::read(&read).status)
}

fn finish(mut begun: TcpStream) -> u16 {
    begun.write_all(b"def").unwrap_or_else(|error| panic!("{error}"));
    let mut read = Vec::new();
    begun.read_to_end(&mut read).unwrap_or_else(|error| panic!("{error}"));
    Reply::read(&read).status
}

fn ready(gateway: &Gateway) -> Option<u16> {
    let request = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    TcpStream::connect(gateway.admin())
        .ok()
        .map(|_| exchange(gateway.admin(), request, false).0.status)
}

/// A gateway is replaced without a gap: no client is refused, or reset while it waits in the queue
/// of the kernel.
#[test]
fn a_gateway_is_replaced_without_a_gap() {
    let origin = Origin::start(200, &[]);
    let mut first = Gateway::start(origin.address(), &format!("{LAME_DUCK}{RULE}"));
    let admin = format!("http://{}", first.admin());
    upshift(&["pause", "accounts", "--admin", &admin]).ok();
    let begun = send(first.http(), HALF);
    let clients = Clients::start(first.http(), 4);
    let mut second = thread::scope(|scope| {
        let second = scope.spawn(|| Gateway::beside(&first, &["--take-over"]));
        // The second one waits for the store, whether it starts before or after the signal.
        clients.have_more_answers(100);
        first.signal("TERM");
        second.join().unwrap_or_else(|_| panic!("the second gateway did not start"))
    });
    assert_eq!(
        exchange(second.http(), ACCOUNT, false).0.status,
        200,
        "the pause is still in force"
    );
    assert!(eventually(|| (ready(&second) == Some(200)).then_some(())).is_some());
    // While the first process still drains, the second one serves alone.
    clients.have_more_answers(2_000);
    let (answered, failures) = clients.stop();
    assert!(failures.is_empty(), "{} of {answered}: {failures:?}", failures.len());
    assert_eq!(finish(begun), 200);
    assert_eq!(first.program().ended(), 0);
    assert_eq!(get(second.http()).ok(), Some(200));
    second.program().signal("TERM");
    assert_eq!(second.program().ended(), 0);
}

/// HTTP/3 is served by the second process once the first one has released the port. Two processes
/// on one UDP port would get packets of each other's connections.
#[test]
fn http_3_follows_when_the_first_process_has_let_go() {
    peers!("python packages");
    let origin = Origin::start(200, &[]);
    let mut first =
        Gateway::with(origin.address(), "http3 = true", &format!("{LAME_DUCK}{RULE}"), &[]);
    let https = first.https();
    assert_eq!(get_http3(https), 200);
    first.signal("TERM");
    let second = Gateway::beside(&first, &["--take-over"]);
    assert_eq!(first.program().ended(), 0);
    let served = eventually(|| (get_http3(https) == 200).then_some(()));
    assert!(served.is_some(), "{}", second.ask_admin("/metrics").text());
}

/// The status; 0 if none came.
fn get_http3(to: SocketAddr) -> u64 {
    let get: Value = json!({
        "fields": [[":method", "GET"], [":scheme", "https"], [":authority", "h"], [":path", "/"]]
    });
    let replies = ask_http3(to, &[vec![get]]);
    let reply = replies.first().and_then(|connection| connection.first());
    reply.map_or(0, H3Reply::status)
}

/// A gateway that drains has released every port. If it held the admin port until its last tunnel
/// ended, the next process could not start.
#[test]
fn a_gateway_that_drains_has_let_go_of_every_port() {
    let origin = Origin::start(200, &[]);
    let mut first = Gateway::start(origin.address(), RULE);
    let begun = send(first.http(), HALF);
    assert_eq!(get(first.http()).ok(), Some(200));
    first.program().signal("TERM");
    assert!(
        eventually(|| TcpStream::connect(first.admin()).err()).is_some(),
        "the admin port is still held"
    );
    let second = Gateway::beside(&first, &[]);
    assert_eq!(get(second.http()).ok(), Some(200));
    assert_eq!(finish(begun), 200);
    assert_eq!(first.program().ended(), 0);
}

/// A port in use is an error that leads to `--take-over`: two gateways share a port only on
/// request.
#[test]
fn a_port_in_use_is_an_error_with_a_way_out() {
    let origin = Origin::start(200, &[]);
    let first = Gateway::start(origin.address(), RULE);
    let folder = Scratch::new();
    let file = folder.file("upshift.toml", first.policy_with_addresses());
    let second = upshift(&["serve", "--config", &file.to_string_lossy()]);
    assert_eq!(second.code, 3, "{}", second.stderr);
    assert!(second.stderr.contains("--take-over"), "{}", second.stderr);
    assert_eq!(get(first.http()).ok(), Some(200));
}

/// A gateway that is about to stop still serves while `/readyz` answers 503, so that a load
/// balancer sends no requests to closed ports.
#[test]
fn a_lame_duck_serves_and_says_that_it_stops() {
    let origin = Origin::start(200, &[]);
    let limits = format!("[limits]\nlame-duck = \"2s\"\n{RULE}");
    let mut gateway = Gateway::start(origin.address(), &limits);
    assert_eq!(ready(&gateway), Some(200));
    let stopped = Instant::now();
    gateway.program().signal("TERM");
    assert!(eventually(|| (ready(&gateway) == Some(503)).then_some(())).is_some());
    let (answer, _) = exchange(gateway.http(), b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", false);
    assert_eq!(
        (answer.status, answer.field("connection").as_str()),
        (200, "close"),
        "no answer is a surprise the last one"
    );
    assert_eq!(gateway.program().ended(), 0);
    assert!(stopped.elapsed() >= Duration::from_secs(2), "{:?}", stopped.elapsed());
}

/// systemd's own program opens the ports and passes them (sd_listen_fds(3)); the gateway could not
/// bind them itself.
#[test]
fn sockets_of_a_supervisor_are_used() {
    peers!("systemd-socket-activate");
    let origin = Origin::start(200, &[]);
    let (http, admin) = (free_port(), free_port());
    let folder = Scratch::new();
    let policy = format!(
        "[gateway]\nhttp = \"{http}\"\nadmin = \"{admin}\"\nupstream = \"http://{}\"\n{RULE}",
        origin.address()
    );
    let file = folder.file("upshift.toml", policy);
    let mut command = Command::new("systemd-socket-activate");
    command.args(["--listen", &admin.to_string(), "--listen", &http.to_string()]);
    command.arg(binary()).args(["serve", "--config", &file.to_string_lossy()]);
    let mut program = Program::start(command);
    // It starts the gateway at the first connection, which waits in the queue until then.
    assert!(eventually(|| TcpStream::connect(http).ok()).is_some());
    assert_eq!(get(http).ok(), Some(200), "{:?}", program.lines());
    program.signal("TERM");
    assert_eq!(program.ended(), 0, "{:?}", program.lines());
}

/// sd_notify(3): a unit of `Type=notify-reload` learns when it serves, reloads and stops.
#[test]
fn a_service_manager_is_notified() {
    let folder = Scratch::new();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap_or_else(|error| panic!("{error}"));
    manager.set_read_timeout(Some(PATIENCE)).unwrap_or_else(|error| panic!("{error}"));
    let origin = Origin::start(200, &[]);
    let export = format!("export NOTIFY_SOCKET={}", path.display());
    let mut gateway = Gateway::after(&export, origin.address(), "", RULE);
    assert_eq!(received(&manager), "READY=1");
    gateway.program().signal("HUP");
    let reloading = received(&manager);
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(received(&manager), "READY=1");
    gateway.program().signal("TERM");
    assert_eq!(received(&manager), "STOPPING=1");
    assert_eq!(gateway.program().ended(), 0);
}

fn received(manager: &UnixDatagram) -> String {
    let mut buffer = [0; 256];
    let length =
        manager.recv(&mut buffer).unwrap_or_else(|error| panic!("no notification: {error}"));
    String::from_utf8_lossy(&buffer[..length]).trim_end().to_owned()
}
