//! The `[[switch]]` vectors: what becomes of an offer to switch, before an upstream that answers as
//! it is told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use conformance::SwitchCase;
use interop::{Gateway, exchange};

/// What is wrong with how `case` goes.
pub(crate) fn faults(case: &SwitchCase) -> Vec<String> {
    let upstream = Recorder::start(&case.upstream.answer);
    let mut lines: String = case.gateway.iter().map(|name| format!("{name} = true\n")).collect();
    if case.gateway.iter().any(|name| name == "in-band-tls") {
        // The gateway of these tests listens with TLS, too.
        lines.push_str("dangerous-allow-opossum = true\n");
    }
    let gateway = Gateway::with(upstream.address, &lines, &case.policy, &[]);
    let (reply, closed) = exchange(gateway.http(), case.send.as_bytes(), false);
    let mut faults = case.answer.find_faults(reply.status, &reply.fields, &reply.body);
    if case.answer.closes && !closed {
        faults.push("the connection stays open".to_owned());
    }
    let reached = upstream.reached().to_ascii_lowercase();
    let never =
        case.upstream.never.iter().filter(|text| reached.contains(&text.to_ascii_lowercase()));
    faults.extend(never.map(|text| format!("{text:?} reached the upstream: {reached}")));
    faults
}

/// An upstream that answers whatever comes first on a connection with the same bytes, and writes
/// down all that comes.
struct Recorder {
    address: SocketAddr,
    reached: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    fn start(answer: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .unwrap_or_else(|error| panic!("no free port: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("no address: {error}"));
        let reached = Arc::new(Mutex::new(Vec::new()));
        let (record, answer) = (Arc::clone(&reached), answer.to_owned());
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (record, answer) = (Arc::clone(&record), answer.clone());
                thread::spawn(move || {
                    let mut buffer = [0; 16 * 1024];
                    let mut answered = false;
                    while let Ok(length @ 1..) = stream.read(&mut buffer) {
                        record
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .extend_from_slice(&buffer[..length]);
                        if !std::mem::replace(&mut answered, true) {
                            stream.write_all(answer.as_bytes()).ok();
                        }
                    }
                });
            }
        });
        Self { address, reached }
    }

    fn reached(&self) -> String {
        String::from_utf8_lossy(&self.reached.lock().unwrap_or_else(PoisonError::into_inner))
            .into_owned()
    }
}
