//! The access record: one line for every exchange, however it ends.

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use upshift_gateway::{AccessLog, Gateway, Settings};

use crate::support::{
    PATIENCE, Running, TestUpstream, connect, exchange, read_message, refusing_address, rest,
    settings, settings_with, status,
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The lines that a gateway has written.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<(Mutex<Vec<u8>>, Condvar)>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let (written, more) = &*self.0;
        written.lock().unwrap().extend_from_slice(bytes);
        more.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Waits for `count` lines, which must be all, and returns them.
    pub(crate) fn wait(&self, count: usize) -> Vec<String> {
        let (written, more) = &*self.0;
        let lines_of = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
        let (written, waited) = more
            .wait_timeout_while(written.lock().unwrap(), PATIENCE, |written| {
                lines_of(written) < count
            })
            .unwrap();
        let text = String::from_utf8(written.clone()).unwrap();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert!(!waited.timed_out() && lines.len() == count, "{count} lines: {lines:#?}");
        lines
    }

    /// The only record.
    fn only(&self) -> Value {
        serde_json::from_str(&self.wait(1)[0]).unwrap()
    }
}

/// A gateway that records every request.
pub(crate) fn recording(mut settings: Settings) -> (Running, Lines) {
    settings.file.gateway.access_log = AccessLog::All;
    let lines = Lines::default();
    let gateway = Gateway::bind(settings).unwrap().with_access_record(Box::new(lines.clone()));
    (Running::of(gateway), lines)
}

/// Compares these members of a record.
#[track_caller]
fn assert_members(record: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&record[name], value, "{name} of {record:#}");
    }
}

/// An upstream that does `talk` with each connection.
fn upstream_that(talk: impl Fn(std::net::TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            talk(stream);
        }
    });
    address
}

#[test]
fn a_whole_exchange_has_its_bytes_times_upstream_and_trace() {
    let upstream = TestUpstream::answering(OK);
    let (gateway, lines) = recording(settings(upstream.address));
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = format!(
        "POST /up?token=hush HTTP/1.1\r\nHost: shop.example:80\r\nContent-Length: 5\r\n\
         User-Agent: test/1\r\nX-Request-Id: me-1\r\nTraceparent: 00-{trace}-00f067aa0ba902b7-01\r\n\
         Connection: close\r\n\r\nhello"
    );
    assert_eq!(status(&exchange(gateway.http(), &request)), 200);
    let record = lines.only();
    assert_members(
        &record,
        &json!({
            "request_id": "me-1", "peer": "127.0.0.1", "method": "POST", "host": "shop.example",
            "path": "/up", "http": "1.1", "tls": "none", "sent_status": 200, "cause": null,
            "bytes_in": 5, "bytes_out": 2, "upstream": format!("http://{}", upstream.address),
            "attempts": 1, "user_agent": "test/1", "caller": null, "trace_id": trace,
            "verdict": "admit",
        }),
    );
    let upstream_took = record["upstream_milliseconds"].as_f64().unwrap();
    let first_byte = record["first_byte_milliseconds"].as_f64().unwrap();
    let whole = record["milliseconds"].as_f64().unwrap();
    assert!(0.0 < upstream_took && upstream_took <= first_byte && first_byte <= whole, "{record}");
}

/// A5: a body that the upstream cuts was a plain 200.
#[test]
fn a_response_that_the_upstream_cuts_says_so() {
    let upstream = upstream_that(|mut stream| {
        read_message(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort").unwrap();
    });
    let (gateway, lines) = recording(settings(upstream));
    let mut client = connect(gateway.http());
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let _ = client.read_to_end(&mut Vec::new());
    let expected = json!({ "sent_status": 200, "cause": "upstream-broke-off", "bytes_out": 5 });
    assert_members(&lines.only(), &expected);
}

/// A5: no record for a client that gives up.
#[test]
fn a_client_that_leaves_within_the_response_is_recorded() {
    let upstream = upstream_that(|mut stream| {
        read_message(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        // Ends when the gateway closes the connection.
        while stream.write_all(&[b'x'; 64 * 1024]).is_ok() {}
    });
    let (gateway, lines) = recording(settings(upstream));
    let mut client = connect(gateway.http());
    client.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    client.read_exact(&mut [0; 1024]).unwrap();
    drop(client);
    let record = lines.only();
    assert_members(&record, &json!({ "sent_status": 200, "cause": "client-gone" }));
    assert!(record["bytes_out"].as_u64().unwrap() < 1_000_000_000, "{record}");
}

/// A client that does not read is given up for that reason.
#[test]
fn a_client_that_does_not_read_is_stalled() {
    let upstream = upstream_that(|mut stream| {
        read_message(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        while stream.write_all(&[b'x'; 64 * 1024]).is_ok() {}
    });
    let (gateway, lines) = recording(settings_with(upstream, |settings| {
        settings.file.limits.idle = Duration::from_millis(200);
    }));
    let mut client = connect(gateway.http());
    client.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_members(&lines.only(), &json!({ "sent_status": 200, "cause": "stalled" }));
}

#[test]
fn an_upstream_that_cannot_be_reached_is_the_cause() {
    let (_socket, gone) = refusing_address();
    let (gateway, lines) = recording(settings(gone));
    let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&exchange(gateway.http(), request)), 502);
    let expected = json!({
        "sent_status": 502, "cause": "upstream-unreachable", "attempts": 1, "verdict": "admit",
        "upstream": format!("http://{gone}"),
    });
    assert_members(&lines.only(), &expected);
}

/// A response without content is complete, though the codec never asks for its content.
#[test]
fn a_response_to_head_is_complete() {
    let upstream = TestUpstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n");
    let (gateway, lines) = recording(settings(upstream.address));
    let head = "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&exchange(gateway.http(), head)), 200);
    let faulty = "HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&exchange(gateway.http(), faulty)), 400);
    let lines = lines.wait(2);
    let first: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_members(&first, &json!({ "sent_status": 200, "cause": null, "bytes_out": 0 }));
    let second: Value = serde_json::from_str(&lines[1]).unwrap();
    assert_members(&second, &json!({ "sent_status": 400, "cause": "host", "bytes_out": 0 }));
    assert_eq!(second.get("verdict"), None, "the policy was not asked");
}

/// A body in chunks does not remember that it has ended.
#[test]
fn a_response_in_chunks_is_complete() {
    let upstream = TestUpstream::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3\r\nok!\r\n0\r\n\r\n",
    );
    let (gateway, lines) = recording(settings(upstream.address));
    let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&exchange(gateway.http(), request)), 200);
    assert_members(&lines.only(), &json!({ "cause": null, "bytes_out": 5 }));
}

/// The record of a tunnel is written when it ends.
#[test]
fn a_tunnel_has_the_bytes_of_both_directions() {
    let upstream = upstream_that(|mut stream| {
        read_message(&mut stream);
        let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
            Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nwelcome";
        stream.write_all(switch.as_bytes()).unwrap();
        let mut received = [0; 4];
        stream.read_exact(&mut received).unwrap();
        stream.write_all(b"bye").unwrap();
    });
    let (gateway, lines) = recording(settings(upstream));
    let mut client = connect(gateway.http());
    let offer = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    client.write_all(offer.as_bytes()).unwrap();
    assert_eq!(status(&read_message(&mut client).unwrap()), 101);
    client.write_all(b"ping").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut client), "welcomebye");
    let expected = json!({
        "sent_status": 101, "cause": null, "bytes_in": 4, "bytes_out": 10, "path": "/chat",
        "attempts": 1,
    });
    assert_members(&lines.only(), &expected);
}
