//! `upshift get` against servers whose answer over HTTP/2 is malformed, since it has a field of
//! HTTP/1.
//!
//! RFC 9113 §8.2.2: "An endpoint MUST NOT generate an HTTP/2 message containing connection-specific
//! header fields." nginx before 1.31.3 and Caddy do, where a rule for 426 that was written by hand
//! tells them to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use interop::h2_frames::{
    ACK, END_HEADERS, END_STREAM, HEADERS, SETTINGS, field_block, frame, next_frame,
};
use interop::{Certificate, Output, Program, Scratch, find, free_port, peers, upshift};
use serde_json::Value;

/// RST_STREAM (RFC 9113 §6.4).
const RST_STREAM: u8 = 3;
/// HTTP_1_1_REQUIRED (RFC 9113 §7).
const HTTP_1_1_REQUIRED: [u8; 4] = [0, 0, 0, 0x0d];

fn get(arguments: &[&str]) -> (Value, Output) {
    let output = upshift(&[&["get", "--json", "--insecure"], arguments].concat());
    let trace = serde_json::from_str(&output.stdout);
    (trace.unwrap_or_else(|error| panic!("{error}: {output:?}")), output)
}

/// What a 426 asks for, when it was read in the end.
fn named(trace: &Value) -> (Option<&str>, Option<&str>) {
    (trace["outcome"].as_str(), trace["refused"]["protocols"][0].as_str())
}

/// A refusal that our own client could not read: it said "unspecific protocol error".
#[test]
fn a_426_written_by_hand_for_nginx_is_read() {
    peers!("nginx");
    let (folder, certificate, address) = (Scratch::new(), Certificate::new(), free_port());
    let (root, file, key) =
        (folder.path().display(), certificate.file().display(), certificate.key().display());
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {root}/{kind}; "))
        .collect();
    let configuration = folder.file(
        "nginx.conf",
        format!(
            "daemon off; master_process off; pid {root}/pid; error_log stderr warn; events {{}}\n\
             http {{ access_log off; {paths}\n server {{ listen {address} ssl http2; ssl_certificate {file};\n\
             ssl_certificate_key {key}; add_header Upgrade orders/2 always; return 426 newer; }} }}\n"
        ),
    );
    let mut command = Command::new(find("nginx").unwrap_or_default());
    command.args(["-p", &root.to_string(), "-e", "stderr", "-c", &configuration.to_string_lossy()]);
    let _nginx = listens(address, Program::start(command));
    reads_the_426(address);
}

/// As above.
#[test]
fn a_426_written_by_hand_for_caddy_is_read() {
    peers!("caddy");
    let (folder, certificate, address) = (Scratch::new(), Certificate::new(), free_port());
    let (file, key) = (certificate.file().display(), certificate.key().display());
    let configuration = folder.file(
        "Caddyfile",
        format!(
            "{{\n  admin off\n  auto_https off\n  storage file_system {}\n}}\nhttps://{address} {{\n  tls {file} {key}\n  \
             header Upgrade orders/2\n  respond newer 426\n}}\n",
            folder.path().display()
        ),
    );
    let mut command = Command::new(find("caddy").unwrap_or_default());
    command.args(["run", "--adapter", "caddyfile", "--config", &configuration.to_string_lossy()]);
    command.env("HOME", folder.path()).env("XDG_CONFIG_HOME", folder.path());
    let _caddy = listens(address, Program::start(command));
    reads_the_426(address);
}

fn reads_the_426(address: SocketAddr) {
    let url = format!("https://{address}/orders");
    let (trace, output) = get(&[&url]);
    assert_eq!((named(&trace), output.code), ((Some("refused"), Some("orders/2")), 1), "{trace:#}");
    // A POST may have been done; it is not sent again, and what happened is said.
    let (trace, output) = get(&["-d", "order", &url]);
    assert_eq!((named(&trace).0, output.code), (Some("failed"), 3), "{trace:#}");
    assert_eq!(trace["requests"].as_array().map(Vec::len), Some(1), "{trace:#}");
    let said = trace["error"].as_str().unwrap_or_default();
    assert!(
        said.contains("malformed") && said.contains("Upgrade") && said.contains("HTTP/1.1"),
        "{said}"
    );
}

fn listens(address: SocketAddr, program: Program) -> Program {
    for _ in 0..400 {
        if TcpStream::connect(address).is_ok() {
            return program;
        }
        interop::pause();
    }
    panic!("nothing listens on {address}: {:?}", program.lines());
}

/// How a server answers a request on stream 1 over HTTP/2.
#[derive(Clone, Copy)]
enum Manner {
    /// With a 426 that has this field.
    Field(&'static str, &'static str),
    /// With a reset that asks for HTTP/1.1.
    Http11Required,
}

/// A server in cleartext that takes both versions; over HTTP/1.1 it answers `text`. It notes how it
/// was asked.
fn serve(manner: Manner, text: &'static str) -> (SocketAddr, Arc<Mutex<Vec<&'static str>>>) {
    let listener = interop::listen();
    let address = listener.local_addr().unwrap_or_else(|error| panic!("no address: {error}"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let notes = Arc::clone(&notes);
            thread::spawn(move || answer(stream, manner, text, &notes));
        }
    });
    (address, asked)
}

fn answer(
    mut stream: TcpStream,
    manner: Manner,
    text: &str,
    notes: &Mutex<Vec<&'static str>>,
) -> std::io::Result<()> {
    let mut head = [0; 24];
    stream.read_exact(&mut head)?;
    if !head.starts_with(b"PRI ") {
        note(notes, "HTTP/1.1");
        return stream.write_all(text.as_bytes());
    }
    stream.write_all(&frame(SETTINGS, 0, 0, b""))?;
    while let Some(came) = next_frame(&mut stream)? {
        match came.kind {
            SETTINGS if came.flags & ACK == 0 => stream.write_all(&frame(SETTINGS, ACK, 0, b""))?,
            HEADERS => {
                note(notes, "HTTP/2");
                stream.write_all(&match manner {
                    Manner::Field(name, value) => {
                        let block = field_block(&[(":status", "426"), (name, value)]);
                        frame(HEADERS, END_HEADERS | END_STREAM, came.stream, &block)
                    }
                    Manner::Http11Required => frame(RST_STREAM, 0, came.stream, &HTTP_1_1_REQUIRED),
                })?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn note(notes: &Mutex<Vec<&'static str>>, how: &'static str) {
    notes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(how);
}

/// Frames of a server that breaks RFC 9113 §8.2.2 in each way, and of one that says which version
/// it wants.
#[test]
fn what_cannot_be_read_over_http2_is_asked_once_more() {
    let refusal = "HTTP/1.1 426 U\r\nUpgrade: orders/2\r\nConnection: upgrade, close\r\nContent-Length: 0\r\n\r\n";
    let manners = [
        Manner::Field("upgrade", "orders/2"),
        Manner::Field("connection", "upgrade"),
        Manner::Field("keep-alive", "timeout=5"),
        Manner::Http11Required,
    ];
    for manner in manners {
        let (address, asked) = serve(manner, refusal);
        let url = format!("http://{address}/orders");
        let (trace, output) = get(&["--http2", &url]);
        assert_eq!(
            (named(&trace), output.code),
            ((Some("refused"), Some("orders/2")), 1),
            "{trace:#}"
        );
        assert_eq!(trace["requests"][0]["rule"]["number"], 21, "{trace:#}");
        let (_, output) = get(&["--http2", "-d", "order", &url]);
        assert_eq!(output.code, 3, "{output:?}");
        let asked = asked.lock().expect("not poisoned").clone();
        assert_eq!(asked, ["HTTP/2", "HTTP/1.1", "HTTP/2"], "the GET twice, the POST once");
    }
}

/// The answer over HTTP/1.1 is gone on from, and only once: a server that sends back to HTTP/2
/// makes no loop.
#[test]
fn going_back_and_forth_comes_to_an_end() {
    let manner = Manner::Field("upgrade", "orders/2");
    let (address, asked) =
        serve(manner, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\norder");
    let (trace, output) = get(&["--http2", &format!("http://{address}/")]);
    assert_eq!((named(&trace).0, output.code), (Some("answered"), 0), "{trace:#}");
    assert_eq!(asked.lock().expect("not poisoned").len(), 2);

    let back =
        "HTTP/1.1 426 U\r\nUpgrade: h2c\r\nConnection: upgrade, close\r\nContent-Length: 0\r\n\r\n";
    let (address, asked) = serve(manner, back);
    let (trace, output) = get(&["--http2", &format!("http://{address}/")]);
    assert_ne!(output.code, 0, "{trace:#}");
    assert_eq!(
        asked.lock().expect("not poisoned").clone(),
        ["HTTP/2", "HTTP/1.1", "HTTP/2"],
        "{trace:#}"
    );
}
