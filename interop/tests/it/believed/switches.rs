//! Answers that say too much or too little: a false WebSocket handshake, an upstream's address, a
//! TLS connection that closes without an alert.

use std::net::{SocketAddr, TcpListener};

use interop::strict::Message;
use interop::{Gateway, Recorder, Reply, exchange, free_port, listen, peers, python};

/// The example handshake of RFC 6455 §1.3. The answer to its key is `s3pPLMBiTxaQ9kYGzzhZRbK+xOo=`.
const HANDSHAKE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A 101 whose `Sec-WebSocket-Accept` is wrong, missing or duplicated becomes 502. The field was
/// once checked for CONNECT only, so a cached or made-up 101 opened a tunnel that the upstream had
/// never agreed to.
#[test]
fn a_handshake_with_another_key_s_answer_is_502() {
    let upstream = Recorder::answering(switch);
    let gateway = Gateway::start(upstream.address(), "");
    for (path, status) in [("/right", 101), ("/wrong", 502), ("/none", 502), ("/two", 502)] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\n{HANDSHAKE}\r\n");
        let (reply, _) = exchange(gateway.http(), request.as_bytes(), false);
        assert_eq!(reply.status, status, "{path}: {reply:?}");
    }
}

fn switch(request: &Message) -> Vec<u8> {
    let accept = match request.target() {
        "/right" => "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
        "/wrong" => "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n",
        "/two" => {
            "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        }
        _ => "",
    };
    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    format!("{head}{accept}\r\n").into_bytes()
}

/// Local 502 and 504 answers do not reveal the upstream's address: the layout of an internal
/// network is not for clients.
#[test]
fn errors_of_an_upstream_name_no_address() {
    let nonsense = Recorder::answering(|_| b"220 mail.example ESMTP\r\n\r\n".to_vec());
    let silent = listen();
    let silent_at = silent.local_addr().unwrap_or_else(|error| panic!("{error}"));
    for (upstream, status) in [(free_port(), 502), (nonsense.address(), 502), (silent_at, 504)] {
        let gateway = Gateway::start(upstream, "[limits]\nupstream-response = \"1s\"\n");
        for accept in ["*/*", "text/html", "text/plain", "application/grpc"] {
            let reply = ask(gateway.http(), accept);
            assert_eq!(reply.status, status, "{upstream} {accept}: {reply:?}");
            assert_names_nothing(&reply, upstream);
        }
    }
    drop::<TcpListener>(silent);
}

fn ask(to: SocketAddr, accept: &str) -> Reply {
    let fields = format!("Host: h\r\nAccept: {accept}\r\nConnection: close\r\n");
    let request = format!("GET / HTTP/1.1\r\n{fields}\r\n");
    exchange(to, request.as_bytes(), false).0
}

fn assert_names_nothing(reply: &Reply, upstream: SocketAddr) {
    let text = format!("{:?} {}", reply.fields, reply.text());
    let port = upstream.port().to_string();
    for named in ["127.0.0.1", port.as_str()] {
        assert!(!text.contains(named), "{named} in {text}");
    }
}

/// A `ClientHello` in small TLS records is served or answered with an alert (RFC 8446 §5.1, §6.2).
/// In records of one byte, it once closed the connection without one.
#[test]
fn a_client_hello_in_small_records_is_served_or_alerted() {
    peers!("python packages");
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), "");
    let host = gateway.https().ip().to_string();
    let port = gateway.https().port().to_string();
    for size in ["1", "2", "7", "100"] {
        let printed = python(SPLIT_HELLO, &[&host, &port, size]).ok();
        let answer = printed.trim();
        assert!(matches!(answer, "served" | "alerted"), "records of {size}: {answer}");
    }
}

/// Splits the first flight into records, continues the handshake, and prints how it ended.
const SPLIT_HELLO: &str = r#"
import socket, ssl, sys

host, port, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
received = b""

def step(action):
    global received
    while True:
        try:
            result = action()
            sent(outgoing.read())
            return result
        except ssl.SSLWantReadError:
            sent(outgoing.read())
            octets = peer.recv(65536)
            if not octets:
                raise ConnectionError("closed")
            received += octets
            incoming.write(octets)

def sent(octets):
    if octets[:1] == b"\x16" and not received:
        hello = octets[5:]
        parts = [hello[at:at + size] for at in range(0, len(hello), size)]
        octets = b"".join(octets[:3] + len(part).to_bytes(2, "big") + part for part in parts)
    try:
        peer.sendall(octets)
    except OSError:
        pass

with socket.create_connection((host, port), 10) as peer:
    try:
        step(tls.do_handshake)
        tls.write(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        answer = step(lambda: tls.read(12))
        print("served" if answer == b"HTTP/1.1 200" else "another answer")
    except (OSError, ssl.SSLError) as error:
        print("alerted" if received[:1] == b"\x15" else f"{type(error).__name__}: {error}")
"#;
