//! WebSocket and other tunnels, by `Upgrade` and by extended CONNECT.

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::support::{
    Running, TestUpstream, connect, exchange, field, is_cut_off, read_message, rest, settings,
    status,
};

const OFFER: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade, X-Hop\r\nX-Hop: 1\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSet-Cookie: a=b\r\n\r\nwelcome";

/// An upstream that answers each request with `answer`, and from then on echoes until the other
/// side is done, when it says `bye`.
fn echo(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let key = read_message(&mut stream)
                    .and_then(|request| field(&request, "sec-websocket-key"));
                let answer = answer.replace("{accept}", &accept(&key.unwrap_or_default()));
                stream.write_all(answer.as_bytes()).unwrap();
                let mut buffer = [0; 64 * 1024];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    stream.write_all(&buffer[..length]).unwrap();
                }
                let _ = stream.write_all(b"bye");
            });
        }
    });
    address
}

/// RFC 6455 §4.2.2, step 5.4.
fn accept(key: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY,
        text.as_bytes(),
    ))
}

fn upgrade(gateway: &Running, request: &str) -> (TcpStream, String) {
    let mut stream = connect(gateway.http());
    stream.write_all(request.as_bytes()).unwrap();
    let head = read_message(&mut stream).unwrap();
    (stream, head)
}

fn read(stream: &mut TcpStream, length: usize) -> String {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn bytes_pass_both_ways_and_each_direction_closes_on_its_own() {
    let gateway = Running::start(settings(echo(SWITCH)));
    let (mut stream, head) = upgrade(&gateway, OFFER);
    assert_eq!(status(&head), 101);
    assert_eq!(field(&head, "upgrade").as_deref(), Some("websocket"));
    assert_eq!(field(&head, "connection").as_deref(), Some("Upgrade"));
    assert_eq!(field(&head, "set-cookie").as_deref(), Some("a=b"));
    assert_eq!(read(&mut stream, 7), "welcome", "what came with the upstream's 101");
    stream.write_all(b"ping").unwrap();
    assert_eq!(read(&mut stream, 4), "ping");
    gateway.admin("/metrics", |metrics| {
        metrics.contains("upshift_open_tunnels 1\n")
            && metrics.contains("upshift_http_requests_in_flight 1\n")
    });
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut stream), "bye");
    gateway.admin("/metrics", |metrics| {
        metrics.contains("upshift_transitions_total{to=\"tunnel\"} 1\n")
            && metrics.contains("upshift_open_tunnels 0\n")
            && metrics.contains("upshift_http_responses_total{code=\"101\"} 1\n")
            // A tunnel is no request that took so long.
            && metrics.contains("upshift_http_request_duration_seconds_count{verdict=\"admit\"} 0\n")
    });
}

#[test]
fn the_upstream_sees_one_token_and_nothing_of_this_hop() {
    let upstream = TestUpstream::answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    let gateway = Running::before(&upstream);
    let offer = OFFER.replace(
        "Upgrade: websocket",
        "Upgrade: foo, h2c\r\nUpgrade: WebSocket\r\nHTTP2-Settings: AAMAAABk",
    );
    let (mut stream, answer) = upgrade(&gateway, &offer);
    // A refusal by the upstream is a response like any other, and the connection goes on.
    assert_eq!((status(&answer), answer.ends_with("no")), (403, true));
    stream.write_all(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(status(&read_message(&mut stream).unwrap()), 403);
    let asked = upstream.seen().remove(0);
    assert_eq!(field(&asked, "upgrade").as_deref(), Some("WebSocket"));
    assert_eq!(field(&asked, "connection").as_deref(), Some("Upgrade"));
    assert_eq!(field(&asked, "sec-websocket-key").as_deref(), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    assert!(!asked.contains("h2c") && !asked.to_lowercase().contains("x-hop"), "{asked}");
    assert!(!asked.to_lowercase().contains("http2-settings"), "{asked}");
}

#[test]
fn a_switch_that_was_not_asked_for_is_502() {
    for fields in [
        "",
        "Upgrade: websocket\r\n",
        "Connection: Upgrade\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n",
    ] {
        let answer: &str =
            Box::leak(format!("HTTP/1.1 101 Switching\r\n{fields}\r\n").into_boxed_str());
        let gateway = Running::start(settings(echo(answer)));
        assert_eq!(status(&upgrade(&gateway, OFFER).1), 502, "{fields}");
    }
    let gateway = Running::start(settings(echo(SWITCH)));
    assert_eq!(status(&upgrade(&gateway, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").1), 502, "unasked");
}

/// RFC 9931 §3: had the upstream refused, they would have been taken for a request.
#[test]
fn bytes_before_the_101_end_the_connection() {
    let gateway = Running::start(settings(echo(SWITCH)));
    let mut stream = connect(gateway.http());
    stream.write_all(format!("{OFFER}smuggled").as_bytes()).unwrap();
    assert!(is_cut_off(&rest(&mut stream)));
    gateway.admin("/metrics", |metrics| {
        metrics.contains("connection_errors_total{cause=\"early-bytes\"} 1")
    });
}

#[test]
fn an_upgrade_with_content_or_an_empty_expectation_is_refused() {
    let gateway = Running::start(settings(echo(SWITCH)));
    let with = |line: &str, body: &str| {
        OFFER.replace("\r\n\r\n", &format!("\r\n{line}\r\nConnection: close\r\n\r\n{body}"))
    };
    for request in [with("Content-Length: 5", "hello"), with("Expect: 100-continue", "")] {
        assert_eq!(status(&exchange(gateway.http(), &request)), 400);
    }
    let expecting = with("Expect: 100-continue\r\nContent-Length: 5", "");
    assert_eq!(status(&exchange(gateway.http(), &expecting)), 400, "and no 100 before it");
}

/// RFC 8441, over cleartext HTTP/2.
#[test]
fn an_extended_connect_is_a_websocket_upgrade_upstream() {
    const SWITCH: &str = "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: chat.v2\r\n\r\n";
    let gateway = Running::start(settings(echo(SWITCH)));
    let (status, fields, echoed) = extended_connect(gateway.http(), "websocket");
    assert_eq!((status, echoed.as_str()), (200, "pingbye"));
    assert_eq!(fields["sec-websocket-protocol"], "chat.v2");
    assert!(
        !fields.contains_key("upgrade") && !fields.contains_key("sec-websocket-accept"),
        "{fields:?}"
    );
    assert_eq!(extended_connect(gateway.http(), "connect-udp").0, 501);
}

#[test]
fn an_extended_connect_believes_only_a_fitting_accept_and_no_other_success() {
    for answer in [SWITCH, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"] {
        let gateway = Running::start(settings(echo(answer)));
        assert_eq!(extended_connect(gateway.http(), "websocket").0, 502, "{answer}");
    }
    let upstream = TestUpstream::answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let gateway = Running::before(&upstream);
    assert_eq!(extended_connect(gateway.http(), "websocket").0, 404);
    let asked = upstream.only();
    assert!(asked.starts_with("GET /chat?a=b HTTP/1.1\r\n"), "{asked}");
    assert_eq!(field(&asked, "upgrade").as_deref(), Some("websocket"));
}

/// CONNECTs for `protocol`, sends `ping`, closes its direction; the answer, and all that came back
/// if it is 200.
fn extended_connect(to: SocketAddr, protocol: &'static str) -> (u16, http::HeaderMap, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let tcp = tokio::net::TcpStream::connect(to).await.unwrap();
        let (sender, connection) = h2::client::handshake(tcp).await.unwrap();
        tokio::spawn(connection);
        let mut sender = sender.ready().await.unwrap();
        while !sender.is_extended_connect_protocol_enabled() {
            tokio::task::yield_now().await;
        }
        let mut request = http::Request::connect("http://a/chat?a=b")
            .version(http::Version::HTTP_2)
            .body(())
            .unwrap();
        request.extensions_mut().insert(h2::ext::Protocol::from_static(protocol));
        request.headers_mut().insert("sec-websocket-version", "13".parse().unwrap());
        let (response, mut sending) = sender.send_request(request, false).unwrap();
        let (head, mut body) = response.await.unwrap().into_parts();
        let mut received = Vec::new();
        if head.status == 200 {
            sending.send_data("ping".into(), true).unwrap();
            while let Some(data) = body.data().await {
                received.extend_from_slice(&data.unwrap());
            }
        }
        (head.status.as_u16(), head.headers, String::from_utf8(received).unwrap())
    })
}
