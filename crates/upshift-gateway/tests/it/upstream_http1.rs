//! HTTP/1.1 towards upstreams that answer in odd, early, late or wrong ways.

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::{
    PATIENCE, Running, connect, exchange, field, read_message, rest, settings, status,
};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An upstream that writes what a script says, connection by connection.
pub(crate) struct RawUpstream {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl RawUpstream {
    /// Runs `script` for each connection, in a thread of its own.
    pub(crate) fn start(script: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, script) = (Arc::clone(&connections), Arc::new(script));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                stream.set_nodelay(true).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let script = Arc::clone(&script);
                thread::spawn(move || script(stream));
            }
        });
        Self { address, connections }
    }

    /// Answers every request of every connection with these bytes.
    pub(crate) fn answering(answer: &'static [u8]) -> Self {
        Self::start(move |mut stream| {
            while read_message(&mut stream).is_some() {
                if stream.write_all(answer).is_err() {
                    break;
                }
            }
        })
    }

    /// Answers the first request of every connection with these bytes, and closes.
    fn closing_after(answer: &'static [u8]) -> Self {
        Self::start(move |mut stream| {
            let _ = read_message(&mut stream);
            let _ = stream.write_all(answer);
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        })
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn gateway(&self) -> Running {
        Running::start(settings(self.address))
    }
}

/// The answer to one GET before which `upstream` answers with these bytes and closes.
fn answer_to(response: &'static [u8]) -> String {
    let upstream = RawUpstream::closing_after(response);
    answer_lossy(upstream.gateway().http(), GET)
}

/// All bytes up to the end of the connection, which may be a reset.
fn answer_lossy(address: SocketAddr, request: &str) -> String {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn content(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, content)| content)
}

#[test]
fn a_response_that_comes_byte_by_byte_is_read() {
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n\
        2\r\nok\r\n1;x=y\r\n!\r\n0\r\n\r\n";
    let upstream = RawUpstream::start(|mut stream| {
        while read_message(&mut stream).is_some() {
            for byte in ANSWER {
                stream.write_all(&[*byte]).unwrap();
                thread::yield_now();
            }
        }
    });
    let gateway = upstream.gateway();
    for _ in 0..2 {
        let answer = exchange(gateway.http(), "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
        assert_eq!((status(&answer), content(&answer)), (200, "ok!"), "{answer}");
        assert_eq!(field(&answer, "x-a").as_deref(), Some("b"));
    }
    assert_eq!(upstream.connections(), 1);
}

/// RFC 9112 §9.5: a response may come before the request has been sent.
#[test]
fn a_response_before_the_end_of_the_request_reaches_the_client_at_once() {
    let upstream = RawUpstream::start(|mut stream| {
        read_head(&mut stream);
        stream
            .write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")
            .unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let gateway = upstream.gateway();
    let mut client = connect(gateway.http());
    client.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc").unwrap();
    let answer = read_message(&mut client).unwrap();
    assert_eq!((status(&answer), content(&answer)), (413, "big"), "{answer}");
}

/// RFC 9112 §9.5: a server may respond and close before it has read a request. The reset that
/// follows must not cost the response.
#[test]
fn a_response_is_read_although_the_upstream_takes_no_more() {
    const LENGTH: usize = 8 * 1024 * 1024;
    let upstream = RawUpstream::start(|mut stream| {
        read_head(&mut stream);
        stream
            .write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")
            .unwrap();
        // Dropped with unread bytes, so that the kernel resets the connection.
        let _ = stream.read(&mut [0; 1]);
    });
    let gateway = upstream.gateway();
    for _ in 0..5 {
        let mut client = connect(gateway.http());
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LENGTH}\r\n\r\n");
        client.write_all(head.as_bytes()).unwrap();
        let mut writer = client.try_clone().unwrap();
        let writing = thread::spawn(move || writer.write_all(&vec![b'u'; LENGTH]));
        let answer = read_message(&mut client).unwrap();
        assert_eq!((status(&answer), content(&answer)), (413, "big"), "{answer}");
        drop(client);
        let _ = writing.join();
    }
}

/// A client may read nothing before it has sent all. An early response that is too long for the
/// buffers on the way must not stop its upload.
#[test]
fn an_upload_goes_on_while_an_early_response_is_not_read() {
    const LENGTH: usize = 24 * 1024 * 1024;
    let upstream = RawUpstream::start(|mut stream| {
        read_head(&mut stream);
        let mut writer = stream.try_clone().unwrap();
        let writing = thread::spawn(move || {
            writer
                .write_all(
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n").as_bytes(),
                )
                .unwrap();
            let _ = writer.write_all(&vec![b'r'; LENGTH]);
        });
        let mut upload = Vec::new();
        let _ = (&mut stream).take(LENGTH as u64).read_to_end(&mut upload);
        writing.join().unwrap();
        let _ = stream.shutdown(Shutdown::Both);
    });
    let gateway = upstream.gateway();
    let mut client = connect(gateway.http());
    client.set_write_timeout(Some(PATIENCE)).unwrap();
    client
        .write_all(
            format!(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LENGTH}\r\nConnection: close\r\n\r\n"
            )
            .as_bytes(),
        )
        .unwrap();
    client.write_all(&vec![b'u'; LENGTH]).unwrap();
    let answer = rest(&mut client);
    assert_eq!(status(&answer), 200);
    assert_eq!(content(&answer).len(), LENGTH);
}

/// Reads a head, and nothing of the content behind it.
pub(crate) fn read_head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0; 1]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// RFC 9112 §9.2: bytes that no request asked for make a connection unusable: they would be read as
/// the response to the next request, perhaps that of another client.
#[test]
fn bytes_after_a_response_end_the_connection() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        b"HTTP/1.1 204 No Content\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nX",
    ] {
        let upstream = RawUpstream::answering(answer);
        let gateway = upstream.gateway();
        for _ in 0..3 {
            let answer = exchange(gateway.http(), GET);
            assert!(matches!(status(&answer), 200 | 204), "{answer}");
            assert!(!answer.contains("evil"), "{answer}");
        }
        assert_eq!(upstream.connections(), 3, "{}", String::from_utf8_lossy(answer));
    }
}

/// RFC 9112 §9.2: the same for bytes that come while the connection is idle.
#[test]
fn bytes_on_an_idle_connection_end_it() {
    let upstream = RawUpstream::start(|mut stream| {
        while read_message(&mut stream).is_some() {
            stream.write_all(OK).unwrap();
            stream.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").unwrap();
        }
    });
    let gateway = upstream.gateway();
    for _ in 0..3 {
        assert_eq!(content(&exchange(gateway.http(), GET)), "ok");
        wait_without_connections(&gateway);
    }
    assert_eq!(upstream.connections(), 3);
}

/// RFC 9112 §9.3.1: an idle connection may be closed at any time, which costs no request.
#[test]
fn an_idle_connection_that_the_upstream_closed_is_replaced() {
    let upstream = RawUpstream::closing_after(OK);
    let gateway = upstream.gateway();
    for _ in 0..4 {
        let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx";
        assert_eq!(content(&exchange(gateway.http(), post)), "ok");
        wait_without_connections(&gateway);
    }
    assert_eq!(upstream.connections(), 4);
}

/// Waits until no connection to the upstream is open.
fn wait_without_connections(gateway: &Running) {
    gateway.admin("/metrics", |text| {
        text.lines().any(|line| {
            line.starts_with("upshift_upstream_endpoint_connections{") && line.ends_with("} 0")
        })
    });
}

/// An upstream that states how long it keeps a connection is not sent a request when it may be
/// closing it.
#[test]
fn a_connection_is_kept_for_the_time_that_the_upstream_states() {
    for (answer, connections) in [
        (
            &b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=60, max=9\r\nContent-Length: 2\r\n\r\nok"[..],
            1,
        ),
        (b"HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\nContent-Length: 2\r\n\r\nok", 3),
        (b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=x\r\nContent-Length: 2\r\n\r\nok", 1),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 3),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 3),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", 1),
    ] {
        let upstream = RawUpstream::answering(answer);
        let gateway = upstream.gateway();
        for _ in 0..3 {
            // The client has the answer before the connection is free again.
            assert_eq!(content(&exchange(gateway.http(), GET)), "ok");
        }
        assert_eq!(upstream.connections(), connections, "{}", String::from_utf8_lossy(answer));
    }
}

#[test]
fn a_response_without_length_ends_with_the_connection() {
    let answer = answer_to(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nuntil the end");
    assert_eq!(status(&answer), 200, "{answer}");
    assert!(answer.contains("until the end"), "{answer}");
}

/// RFC 9112 §8: a truncated message must not look complete on the next hop.
#[test]
fn truncated_content_is_not_ended_in_good_order() {
    for truncated in [
        &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
    ] {
        let answer = answer_to(truncated);
        let is_whole = answer.ends_with("\r\n0\r\n\r\n");
        assert!(status(&answer) == 502 || !is_whole, "{answer:?}");
        assert!(field(&answer, "content-length").is_none_or(|length| length != "5"), "{answer:?}");
    }
}

/// RFC 9110 §9.3.2, §15.3.5, §15.4.5: no content follows, even if the fields declare a length.
#[test]
fn responses_without_content_end_with_their_head() {
    let head = RawUpstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
    let gateway = head.gateway();
    for _ in 0..2 {
        let answer =
            exchange(gateway.http(), "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_eq!((status(&answer), content(&answer)), (200, ""), "{answer}");
        assert_eq!(field(&answer, "content-length").as_deref(), Some("7"));
    }
    assert_eq!(head.connections(), 1);
    for (answer, code) in [
        (&b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"[..], 204),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304),
        (b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", 304),
    ] {
        let upstream = RawUpstream::answering(answer);
        let gateway = upstream.gateway();
        for _ in 0..2 {
            let answer = exchange(gateway.http(), GET);
            assert_eq!((status(&answer), content(&answer)), (code, ""), "{answer}");
        }
        assert_eq!(upstream.connections(), 1, "{}", String::from_utf8_lossy(answer));
    }
}

/// RFC 9112 §2.2, §5, §6; RFC 9110 §15.
#[test]
fn malformed_responses_are_502() {
    for malformed in [
        &b"HTTP/1.1 099 Low\r\nContent-Length: 2\r\n\r\nok"[..],
        b"HTTP/1.1 2000 Long\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n X: a\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\nok\r\n0\r\n\r\n",
        b"ok",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
    ] {
        let answer = answer_to(malformed);
        assert_eq!(status(&answer), 502, "{}: {answer}", String::from_utf8_lossy(malformed));
    }
}

/// RFC 9112 §4: a client SHOULD ignore the reason phrase; §5.1: a proxy MUST remove white space
/// before the colon of a response field.
#[test]
fn odd_but_legal_responses_are_read() {
    for legal in [
        &b"HTTP/1.1 200 \x80\xff\r\nContent-Length: 2\r\n\r\nok"[..],
        b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX: \xff\xfe\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 02\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX:\r\nContent-Length:2   \r\n\r\nok",
    ] {
        let answer = answer_to(legal);
        let case = String::from_utf8_lossy(legal);
        assert_eq!((status(&answer), content(&answer)), (200, "ok"), "{case}: {answer}");
        assert_eq!(field(&answer, "content-length").as_deref(), Some("2"), "{case}: {answer}");
    }
}

/// Applications send more fields than a hundred.
#[test]
fn many_response_fields_are_read() {
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n".to_vec();
    for number in 0..150 {
        answer.extend(format!("X-{number}: {number}\r\n").bytes());
    }
    answer.extend(b"\r\nok");
    let answer = answer_to(answer.leak());
    assert_eq!((status(&answer), content(&answer)), (200, "ok"), "{answer}");
    assert_eq!(field(&answer, "x-149").as_deref(), Some("149"));
}

/// RFC 9112 §7.1.2.
#[test]
fn trailers_cross() {
    let upstream = RawUpstream::answering(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
        2\r\nok\r\n0\r\nX-Sum: 9\r\nContent-Length: 4\r\n\r\n",
    );
    let gateway = upstream.gateway();
    for _ in 0..2 {
        let request = "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n";
        let answer = exchange(gateway.http(), request);
        assert_eq!(status(&answer), 200, "{answer}");
        let trailers = answer.to_ascii_lowercase();
        assert!(trailers.ends_with("0\r\nx-sum: 9\r\n\r\n"), "{answer}");
    }
    assert_eq!(upstream.connections(), 1);
}
