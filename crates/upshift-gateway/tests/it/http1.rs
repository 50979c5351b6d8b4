//! Connections of HTTP/1 that are used in unusual, but legal ways: bytes one by one, requests ahead
//! of their answers, clients that stop, and clients that leave.

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use upshift_gateway::Limits;

use crate::support::{
    PATIENCE, Running, TestUpstream, connect, exchange, field, read_message, rest, settings_with,
    status,
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Socket buffers of both connections, and the buffers of the gateway. More than this means that
/// nothing bounds what the gateway takes.
const BOUND: usize = 32 << 20;

/// An upstream that answers with the path of the request.
fn echo_of_path() -> TestUpstream {
    TestUpstream::scripted(|request| {
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        Some(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len()))
    })
}

/// An upstream that accepts one connection and hands it to `serve`.
fn upstream_of(serve: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || serve(listener.accept().unwrap().0));
    address
}

/// Writes until the other side takes nothing for a while, and returns the number of bytes.
fn write_until_blocked(stream: &mut TcpStream, block: &[u8]) -> usize {
    stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut written = 0;
    while written <= BOUND {
        match stream.write(&block[written % block.len()..]) {
            Ok(count) => written += count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
    written
}

/// The network may cut a message anywhere (RFC 9112 §2.2).
#[test]
fn requests_arrive_byte_by_byte() {
    let upstream = TestUpstream::answering(OK);
    let gateway = Running::before(&upstream);
    let mut client = connect(gateway.http());
    client.set_nodelay(true).unwrap();
    let requests = "\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\nPOST /b HTTP/1.1\r\nHost: a\r\n\
        Transfer-Encoding: chunked\r\n\r\n5;x=\"y\"\r\nhello\r\n0\r\n\r\nPOST /c HTTP/1.1\r\nHost: a\r\n\
        Content-Length: 5\r\n\r\nhello";
    for byte in requests.as_bytes() {
        client.write_all(&[*byte]).unwrap();
    }
    for _ in 0..3 {
        assert_eq!(status(&read_message(&mut client).unwrap()), 200);
    }
    let seen = upstream.seen();
    assert!(seen[1].ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), "{}", seen[1]);
    assert!(seen[2].ends_with("\r\n\r\nhello"), "{}", seen[2]);
}

/// RFC 9112 §9.3.2: a server "MUST send the corresponding responses in the same order that the
/// requests were received."
#[test]
fn a_thousand_requests_in_one_write_are_answered_in_order() {
    let upstream = echo_of_path();
    let gateway = Running::before(&upstream);
    let mut requests = String::new();
    for number in 0..1000 {
        requests += &format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    let mut client = connect(gateway.http());
    client.write_all(requests.as_bytes()).unwrap();
    for number in 0..1000 {
        let answer = read_message(&mut client).unwrap();
        assert!(answer.ends_with(&format!("\r\n\r\n/{number}")), "{number}: {answer}");
    }
}

/// Catches responses that pile up in memory for a client that sends requests and reads nothing.
#[test]
fn a_client_that_reads_no_answers_is_not_served_further() {
    let upstream = echo_of_path();
    let gateway = Running::before(&upstream);
    let mut client = connect(gateway.http());
    // CONNECT is answered by the gateway itself.
    let block = b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(500);
    assert!(write_until_blocked(&mut client, &block) <= BOUND, "nothing bounds the answers");
    // It is served again as soon as it reads.
    assert_eq!(status(&read_message(&mut client).unwrap()), 501);
}

/// RFC 9112 §9.6: a client may close its direction after its last request and read on.
#[test]
fn a_client_that_has_closed_its_direction_is_answered() {
    let upstream = echo_of_path();
    let gateway = Running::before(&upstream);
    let mut client = connect(gateway.http());
    let requests = "GET /a HTTP/1.1\r\nHost: a\r\n\r\nPOST /b HTTP/1.1\r\nHost: a\r\n\
        Content-Length: 5\r\n\r\nhello";
    client.write_all(requests.as_bytes()).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let answers = rest(&mut client);
    assert_eq!(answers.matches("HTTP/1.1 200 OK\r\n").count(), 2, "{answers}");
    assert!(answers.ends_with("\r\n\r\n/b"), "{answers}");
}

/// Catches content that piles up in memory for an upstream that does not read.
#[test]
fn an_upload_is_as_fast_as_the_upstream_reads() {
    let (read_on, may_read) = mpsc::channel::<()>();
    let (length, total) = mpsc::channel();
    let upstream = upstream_of(move |mut stream| {
        let _ = may_read.recv_timeout(PATIENCE);
        let mut received = 0;
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            received += count;
            if buffer[..count].ends_with(b"0\r\n\r\n") {
                break;
            }
        }
        length.send(received).unwrap();
        stream.write_all(OK.as_bytes()).unwrap();
    });
    let gateway = Running::start(settings_with(upstream, |_| {}));
    let mut client = connect(gateway.http());
    client.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    let chunk = [b"10000\r\n", &[b'x'; 0x1_0000][..], b"\r\n"].concat();
    let mut sent = write_until_blocked(&mut client, &chunk);
    assert!(sent <= BOUND, "nothing bounds the upload");
    client.set_write_timeout(Some(PATIENCE)).unwrap();
    read_on.send(()).unwrap();
    let rest_of_chunk = &chunk[sent % chunk.len()..];
    client.write_all(rest_of_chunk).unwrap();
    sent += rest_of_chunk.len();
    client.write_all(b"0\r\n\r\n").unwrap();
    assert_eq!(status(&read_message(&mut client).unwrap()), 200);
    let content = sent / chunk.len() * 0x1_0000;
    assert!(total.recv_timeout(PATIENCE).unwrap() >= content);
}

/// Catches an upload that the client aborts and that looks complete to the upstream.
#[test]
fn an_upload_that_is_left_is_not_whole_for_the_upstream() {
    for framing in ["Content-Length: 100000", "Transfer-Encoding: chunked"] {
        let (send, receive) = mpsc::channel();
        let upstream = upstream_of(move |mut stream| {
            let mut received = Vec::new();
            let _ = stream.set_read_timeout(Some(PATIENCE));
            let _ = stream.read_to_end(&mut received);
            send.send(received).unwrap();
        });
        let gateway = Running::start(settings_with(upstream, |_| {}));
        let mut client = connect(gateway.http());
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n5\r\nhello\r\n");
        client.write_all(head.as_bytes()).unwrap();
        drop(client);
        let received = receive.recv_timeout(PATIENCE).unwrap();
        assert!(!received.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&received));
        gateway.admin("/metrics", |text| text.contains("upshift_http_requests_in_flight 0\n"));
    }
}

/// Catches a client that never reads its response and holds its connection for ever.
#[test]
fn a_client_that_stops_reading_is_given_up() {
    let upstream = upstream_of(|mut stream| {
        read_message(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
        let block = vec![b'x'; 1 << 20];
        while stream.write_all(&block).is_ok() {}
    });
    let gateway = Running::start(settings_with(upstream, |settings| {
        settings.file.limits = Limits { idle: Duration::from_millis(500), ..Limits::default() };
    }));
    let mut client = connect(gateway.http());
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    gateway.admin("/metrics", |text| {
        text.contains("upshift_connection_errors_total{cause=\"stalled\"} 1")
            && text.contains("upshift_http_requests_in_flight 0\n")
    });
}

/// Content that was not read is taken for no request (RFC 9112 §9.3). Short content is discarded,
/// and the connection stays; before long content it closes, and says so.
#[test]
fn content_of_a_request_that_is_not_forwarded_is_discarded_or_ends_the_connection() {
    let upstream = TestUpstream::answering(OK);
    let gateway = Running::before(&upstream);
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut client = connect(gateway.http());
    for _ in 0..2 {
        let length = smuggled.len();
        let trace = format!(
            "PUT ftp://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{smuggled}"
        );
        client.write_all(trace.as_bytes()).unwrap();
        let answer = read_message(&mut client).unwrap();
        assert_eq!((status(&answer), field(&answer, "connection")), (400, None), "{answer}");
    }
    for framing in ["Content-Length: 70000\r\n", "Transfer-Encoding: chunked\r\n"] {
        let request = format!("PUT ftp://a/ HTTP/1.1\r\nHost: a\r\n{framing}\r\n23\r\n{smuggled}");
        let answer = exchange(gateway.http(), &request);
        assert_eq!(status(&answer), 400, "{answer}");
        assert_eq!(field(&answer, "connection").as_deref(), Some("close"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    }
    assert_eq!(upstream.seen().len(), 0);
}

/// RFC 9110 §10.1.1: after a final response without a 100, a client may send its content or not, so
/// what follows is not read as a request.
#[test]
fn a_client_that_waits_for_the_100_and_does_not_get_it_is_not_kept() {
    let upstream = TestUpstream::answering(OK);
    let gateway = Running::before(&upstream);
    let request =
        "PUT ftp://a/ HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    let answer = exchange(gateway.http(), request);
    assert_eq!(status(&answer), 400, "{answer}");
    assert_eq!(field(&answer, "connection").as_deref(), Some("close"), "{answer}");
}

/// A response that has begun is sent to its end while the gateway drains.
#[test]
fn a_response_that_streams_outlives_the_drain() {
    let (finish, may_finish) = mpsc::channel::<()>();
    let upstream = upstream_of(move |mut stream| {
        read_message(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").unwrap();
        let _ = may_finish.recv_timeout(PATIENCE);
        stream.write_all(b"world").unwrap();
    });
    let mut gateway = Running::start(settings_with(upstream, |settings| {
        settings.file.limits.drain = PATIENCE;
    }));
    let mut client = connect(gateway.http());
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut begun = Vec::new();
    while !begun.ends_with(b"hello") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        begun.push(byte[0]);
    }
    gateway.stop();
    while TcpStream::connect(gateway.http()).is_ok() {
        thread::yield_now();
    }
    finish.send(()).unwrap();
    assert_eq!(rest(&mut client), "world");
    gateway.join();
}

/// Catches a truncated response that looks complete to the client.
#[test]
fn a_response_that_breaks_off_is_not_whole_for_the_client() {
    for framing in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        let upstream = TestUpstream::scripted(move |_| {
            let fields = format!("Connection: close\r\n{framing}");
            Some(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n5\r\nhello\r\n"))
        });
        let gateway = Running::before(&upstream);
        let mut client = connect(gateway.http());
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer);
        assert!(text.contains("hello"), "{text}");
        assert!(!text.ends_with("0\r\n\r\n") && answer.len() < 300, "{text}");
    }
    // HTTP/1.0 has no chunks, and content without length ends with the connection.
    let upstream = TestUpstream::answering(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    );
    let gateway = Running::before(&upstream);
    let mut client = connect(gateway.http());
    client.write_all(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n").unwrap();
    let ended = client.read_to_end(&mut Vec::new());
    assert_eq!(ended.map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
}
