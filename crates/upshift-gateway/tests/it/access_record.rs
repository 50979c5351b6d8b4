//! The access record: one line for every exchange, however it ends.

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use upshift_gateway::{
    AccessLog, Gateway, RecordDestination, RecordedRequests, Settings, Upstream, UpstreamHttp,
};

use crate::http3;
use crate::support::{
    PATIENCE, Running, TestUpstream, connect, exchange, free, read_message, refusing_address, rest,
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
        let (written, waited) = more
            .wait_timeout_while(written.lock().unwrap(), PATIENCE, |written| {
                written.iter().filter(|byte| **byte == b'\n').count() < count
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
    settings.file.gateway.access_log = AccessLog::of_requests(RecordedRequests::All);
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

/// A body that the upstream cuts off is recorded with that cause. It once looked like a plain 200.
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

/// A client that leaves in the middle of the response is recorded. There was once no record of it.
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

/// A body in chunks does not remember that it has ended, and the codec does not ask after trailers.
#[test]
fn a_response_in_chunks_is_complete() {
    for trailers in ["", "X-Sum: 1\r\n"] {
        let upstream = TestUpstream::scripted(move |_| {
            Some(format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
                 2\r\nok\r\n3\r\nok!\r\n0\r\n{trailers}\r\n"
            ))
        });
        let (gateway, lines) = recording(settings(upstream.address));
        let request = "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n";
        let answer = exchange(gateway.http(), request);
        assert!(answer.to_ascii_lowercase().contains(&trailers.to_ascii_lowercase()), "{answer}");
        assert_members(&lines.only(), &json!({ "cause": null, "bytes_out": 5 }));
    }
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

/// A request that the codec refuses with 400 or 414 is recorded. There was once no record of it.
#[test]
fn what_no_codec_reads_is_recorded() {
    let upstream = TestUpstream::answering(OK);
    let long = "a".repeat(70_000);
    for (request, code, expected) in [
        (
            "GET /a?token=hush HTTP/1.1\r\nHost: b:80\r\nBad Line\r\n\r\n".to_owned(),
            400,
            json!({ "cause": "not-http", "method": "GET", "path": "/a", "host": "b", "http": "1.1" }),
        ),
        (
            format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
            414,
            json!({ "cause": "target-too-long", "method": "GET", "http": null, "host": "" }),
        ),
        (
            format!("GET /b HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"),
            431,
            json!({ "cause": "head-too-large", "path": "/b", "host": "a" }),
        ),
        (
            "GET / HTTP/3.7\r\nHost: a\r\n\r\n".to_owned(),
            505,
            json!({ "cause": "version", "method": "GET", "attempts": 0, "upstream": null }),
        ),
        (
            // A later message of a connection.
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nEHLO a\r\n".to_owned(),
            400,
            json!({ "cause": "not-http", "method": null, "path": "" }),
        ),
    ] {
        let (gateway, lines) = recording(settings(upstream.address));
        let answer = exchange(gateway.http(), &request);
        let lines = lines.wait(1 + usize::from(request.contains("GET /1 ")));
        let record: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
        assert_members(&record, &expected);
        assert_eq!(record["sent_status"], code, "{record}");
        let (_, content) = answer.rsplit_once("\r\n\r\n").unwrap();
        assert_eq!(record["bytes_out"], content.len(), "{record}");
        assert!(!lines.join("").contains("hush"), "{lines:?}");
    }
}

/// It was counted, and had no line.
#[test]
fn tls_on_the_cleartext_port_is_recorded() {
    let upstream = TestUpstream::answering(OK);
    let (gateway, lines) = recording(settings(upstream.address));
    exchange(gateway.http(), "\u{16}\u{3}\u{1}\u{0}\u{20}secret");
    let record = lines.only();
    let expected = json!({
        "cause": "tls-in-clear", "sent_status": null, "method": null, "path": "", "http": null,
        "peer": "127.0.0.1", "tls": "none",
    });
    assert_members(&record, &expected);
    assert!(!record.to_string().contains("secret"), "{record}");
}

/// The client declares 50 bytes and leaves after 5. An upstream that had begun to respond was
/// recorded as the one that broke off, and the endpoint was charged with the failure.
#[test]
fn an_upload_that_breaks_off_is_the_client_s_fault() {
    let upstream = upstream_that(|mut stream| {
        let _ = stream.read(&mut [0; 1024]);
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        // Until the gateway closes the connection.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let (gateway, lines) = recording(settings(upstream));
    let mut client = connect(gateway.http());
    let request = "POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhello";
    client.write_all(request.as_bytes()).unwrap();
    client.read_exact(&mut [0; 64]).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    rest(&mut client);
    assert_client_left(&gateway, &lines);
}

/// Record and metrics blame the client for the only exchange, of which 5 bytes of content came.
#[track_caller]
fn assert_client_left(gateway: &Running, lines: &Lines) {
    let record = lines.only();
    assert_members(&record, &json!({ "sent_status": 200, "cause": "client-gone", "bytes_in": 5 }));
    let metrics = gateway.admin("/metrics", |text| {
        text.contains("upshift_http_aborts_total{cause=\"client-gone\"} 1")
    });
    let failures = metrics.lines().filter(|line| line.contains("endpoint_failures_total{"));
    for line in failures {
        assert!(line.ends_with(" 0"), "{line}");
    }
}

/// An upstream of HTTP/2 whose response is the content of the request, as it arrives.
fn echoing_http2_upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let serve = async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        while let Ok((tcp, _)) = listener.accept().await {
            let codec = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let echo = service_fn(|request: Request<Incoming>| async {
                Ok::<_, Infallible>(Response::new(request.into_body()))
            });
            drop(tokio::spawn(codec.serve_connection(TokioIo::new(tcp), echo)));
        }
    };
    thread::spawn(move || run(serve));
    address
}

/// The same with an upstream of HTTP/2, where the gateway resets the stream.
#[test]
fn an_upload_over_http2_that_breaks_off_is_the_client_s_fault() {
    let upstream = Upstream { http: UpstreamHttp::V2, ..Upstream::at(echoing_http2_upstream()) };
    let settings = settings_with(free(), |settings| {
        settings.file.upstreams = vec![upstream];
    });
    let (gateway, lines) = recording(settings);
    let mut client = connect(gateway.http());
    let request = "POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhello";
    client.write_all(request.as_bytes()).unwrap();
    let mut echoed = String::new();
    while !echoed.contains("hello") {
        let mut piece = [0; 256];
        let length = client.read(&mut piece).unwrap();
        assert_ne!(length, 0, "{echoed}");
        echoed.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    client.shutdown(Shutdown::Write).unwrap();
    rest(&mut client);
    assert_client_left(&gateway, &lines);
}

/// RFC 9110 §15.5.9, and a client that leaves within its head.
#[test]
fn a_head_that_never_ends_is_recorded() {
    let upstream = TestUpstream::answering(OK);
    let settings = settings_with(upstream.address, |settings| {
        settings.file.limits.header_timeout = Duration::from_millis(200);
    });
    let (gateway, lines) = recording(settings);
    let mut client = connect(gateway.http());
    client.write_all(b"GET /slow HTTP/1.1\r\nHost:").unwrap();
    assert_eq!(status(&rest(&mut client)), 408);
    let expected = json!({ "sent_status": 408, "cause": "head-timeout", "path": "/slow" });
    let record = lines.only();
    assert_members(&record, &expected);
    // Since its first byte, and not since the gateway gave it up.
    assert!(record["milliseconds"].as_f64() >= Some(200.0), "{record}");
    assert!(record["first_byte_milliseconds"].as_f64() >= Some(200.0), "{record}");
    let mut client = connect(gateway.http());
    client.write_all(b"GET /left HTTP/1.1\r\nHost:").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut client), "");
    let left: Value = serde_json::from_str(&lines.wait(2)[1]).unwrap();
    let expected = json!({ "sent_status": null, "cause": "client-gone", "path": "/left" });
    assert_members(&left, &expected);
}

const WITH_READERS: &str = r#"
    [[rule]]
    id = "orders"
    require = { api = { minimum = "2.0", read = ["header:X-Api-Version", "query:v"] } }
    [[rule]]
    id = "apps"
    require = { client = { read = "user-agent", minimum = { Acme = "5" } } }
"#;

/// What requirements read is there for a forecast, and nothing else of fields and query.
#[test]
fn the_inputs_of_requirements_are_recorded_and_no_others() {
    let upstream = TestUpstream::answering(OK);
    let (gateway, lines) = recording(settings_with(upstream.address, |settings| {
        let text = format!("gateway.upstream = \"http://127.0.0.1:9\"\n{WITH_READERS}");
        settings.file.policy = upshift_config::load(&text, "test.toml").unwrap().file.policy;
    }));
    let request = "GET /o?token=hush&v=1%2E0 HTTP/1.1\r\nHost: a\r\nAuthorization: hush\r\n\
        Cookie: hush\r\nX-Api-Version: 1\r\nX-Api-Version: 1.0\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&exchange(gateway.http(), request)), 426);
    let record = lines.only();
    let fields = json!({ "user-agent": null, "x-api-version": ["1", "1.0"] });
    let expected = json!({
        "query": "v=1%2E0", "fields": fields, "verdict": "refuse", "rule": "orders", "status": 426,
        "sent_status": 426, "cause": null,
    });
    assert_members(&record, &expected);
    assert_eq!(record["caller"].as_str().map(str::len), Some(16), "{record}");
    assert!(!record.to_string().contains("hush"), "{record}");
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

type Http2Sender = http2::SendRequest<Full<Bytes>>;

/// A connection of HTTP/2 by prior knowledge.
async fn connect_http2(to: SocketAddr) -> Http2Sender {
    let stream = tokio::net::TcpStream::connect(to).await.unwrap();
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    sender
}

#[test]
fn an_exchange_over_http2_has_its_bytes() {
    let upstream = TestUpstream::answering(OK);
    let (gateway, lines) = recording(settings(upstream.address));
    run(async {
        let mut sender = connect_http2(gateway.http()).await;
        let request = Request::post("http://a.example/up").body(Full::from("hello")).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok");
    });
    let expected = json!({
        "http": "2", "sent_status": 200, "cause": null, "bytes_in": 5, "bytes_out": 2,
        "host": "a.example", "path": "/up",
    });
    assert_members(&lines.only(), &expected);
}

/// A client that gives up before the response is recorded, where nginx would log a 499. There was
/// once no record of it.
#[test]
fn a_client_that_gives_up_before_the_response_is_recorded() {
    let (asked, was_asked) = mpsc::channel();
    let upstream = upstream_that(move |mut stream| {
        read_message(&mut stream);
        asked.send(()).unwrap();
        // Until the gateway closes the connection.
        let _ = stream.read(&mut [0; 1]);
    });
    let (gateway, lines) = recording(settings(upstream));
    run(async {
        let mut sender = connect_http2(gateway.http()).await;
        let request = Request::get("http://a.example/slow").body(Full::default()).unwrap();
        let response = tokio::spawn(sender.send_request(request));
        tokio::task::spawn_blocking(move || was_asked.recv().unwrap()).await.unwrap();
        response.abort();
        let record = tokio::task::spawn_blocking(move || lines.only()).await.unwrap();
        let expected = json!({
            "sent_status": null, "cause": "client-gone", "first_byte_milliseconds": null,
            "path": "/slow", "attempts": 1, "verdict": "admit",
        });
        assert_members(&record, &expected);
        assert!(record["upstream_milliseconds"].as_f64().unwrap() > 0.0, "{record}");
        drop(sender);
    });
}

/// RFC 9113 §5.4.1: a frame that is not allowed ends the connection.
#[test]
fn a_violation_of_http2_is_recorded() {
    let upstream = TestUpstream::answering(OK);
    let (gateway, lines) = recording(settings(upstream.address));
    let mut client = connect(gateway.http());
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    // SETTINGS, and DATA on stream 0 (§6.1).
    client.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).unwrap();
    client.write_all(&[0, 0, 1, 0, 0, 0, 0, 0, 0, b'x']).unwrap();
    let _ = client.read_to_end(&mut Vec::new());
    let expected = json!({
        "http": "2", "method": null, "sent_status": null, "cause": "http2-protocol",
        "peer": "127.0.0.1",
    });
    assert_members(&lines.only(), &expected);
}

#[test]
fn an_exchange_over_http3_has_its_bytes() {
    let upstream = TestUpstream::answering(OK);
    let (gateway, lines) = recording(settings_with(upstream.address, |settings| {
        settings.file.gateway.https = Some(free());
        settings.file.gateway.http3 = true;
    }));
    let post = Request::post("https://a.example/up").body(Bytes::from("hello")).unwrap();
    let head = Request::head("https://a.example/head").body(Bytes::new()).unwrap();
    let answers = http3::ask(gateway.addresses.https.unwrap(), vec![post, head]);
    assert_eq!(answers.len(), 2);
    let lines = lines.wait(2);
    let posted: Value = serde_json::from_str(&lines[0]).unwrap();
    let expected = json!({
        "http": "3", "tls": "1.3", "sent_status": 200, "cause": null, "bytes_in": 5,
        "bytes_out": 2,
    });
    assert_members(&posted, &expected);
    let head: Value = serde_json::from_str(&lines[1]).unwrap();
    assert_members(&head, &json!({ "sent_status": 200, "cause": null, "bytes_out": 0 }));
}

#[test]
fn an_exchange_that_outlives_the_drain_is_cut_off() {
    let (asked, was_asked) = mpsc::channel();
    let upstream = upstream_that(move |mut stream| {
        read_message(&mut stream);
        asked.send(()).unwrap();
        let _ = stream.read(&mut [0; 1]);
    });
    let (mut gateway, lines) = recording(settings_with(upstream, |settings| {
        settings.file.limits.lame_duck = Duration::ZERO;
        settings.file.limits.drain = Duration::from_millis(100);
    }));
    let mut client = connect(gateway.http());
    client.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    was_asked.recv().unwrap();
    gateway.stop();
    gateway.join();
    let expected = json!({ "sent_status": null, "cause": "shutdown", "path": "/slow" });
    assert_members(&lines.only(), &expected);
}

/// A reload that cannot open the file changes nothing; one that can moves the record there.
#[test]
fn a_reload_moves_the_record() {
    let upstream = TestUpstream::answering(OK);
    let (gateway, lines) = recording(settings(upstream.address));
    let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let name = format!("access-{}.log", std::process::id());
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let to_file = |path: &Path| {
        settings_with(upstream.address, |settings| {
            settings.file.gateway.access_log = AccessLog {
                to: RecordDestination::File(path.to_owned()),
                ..AccessLog::of_requests(RecordedRequests::All)
            };
        })
    };
    let error = gateway.handle.reload(to_file(&file.join("below"))).unwrap_err().to_string();
    assert!(error.contains("below: Not a directory") || error.contains("No such"), "{error}");
    assert_eq!(status(&exchange(gateway.http(), request)), 200);
    lines.wait(1);
    gateway.handle.reload(to_file(&file)).unwrap();
    assert_eq!(status(&exchange(gateway.http(), request)), 200);
    drop(gateway);
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 1);
    lines.wait(1);
    std::fs::remove_file(&file).unwrap();
}

/// RFC 9114 §6.2.1: the first frame of the control stream has to be SETTINGS.
#[test]
fn a_violation_of_http3_is_recorded() {
    let upstream = TestUpstream::answering(OK);
    let (gateway, lines) = recording(settings_with(upstream.address, |settings| {
        settings.file.gateway.https = Some(free());
        settings.file.gateway.http3 = true;
    }));
    run(async {
        let quic = http3::connect_quic(gateway.addresses.https.unwrap()).await;
        let mut control = quic.open_uni().await.unwrap();
        // A control stream (0), and DATA (0) of one byte.
        control.write_all(&[0, 0, 1, b'x']).await.unwrap();
        quic.closed().await;
    });
    let expected = json!({ "http": "3", "method": null, "sent_status": null, "cause": "parse" });
    assert_members(&lines.only(), &expected);
}

/// Its time began when the gateway gave it up.
#[test]
fn a_head_that_never_ends_over_http3_is_recorded() {
    let upstream = TestUpstream::answering(OK);
    let (gateway, lines) = recording(settings_with(upstream.address, |settings| {
        settings.file.gateway.https = Some(free());
        settings.file.gateway.http3 = true;
        settings.file.limits.header_timeout = Duration::from_millis(200);
    }));
    let record = run(async {
        let quic = http3::connect_quic(gateway.addresses.https.unwrap()).await;
        let mut control = quic.open_uni().await.unwrap();
        // A control stream (0) with empty SETTINGS (4), as RFC 9114 §6.2.1 requires.
        control.write_all(&[0, 4, 0]).await.unwrap();
        let (mut request, _response) = quic.open_bi().await.unwrap();
        // HEADERS (1) of 32 bytes, of which one is sent.
        request.write_all(&[1, 32, 0]).await.unwrap();
        let record = tokio::task::spawn_blocking(move || lines.only()).await.unwrap();
        drop(control);
        record
    });
    let expected = json!({ "http": "3", "sent_status": null, "cause": "head-timeout" });
    assert_members(&record, &expected);
    assert!(record["milliseconds"].as_f64() >= Some(200.0), "{record}");
}
