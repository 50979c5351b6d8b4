//! Behaviour that one request over a lane does not show: conditions, faults, and the record.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use upshift_lab::mock::{MockOptions, MockPeer, RouteKey, Scenario, Transport, catalogue};
use upshift_lab::wire_log::{Direction, WireEvent, WireLog};
use upshift_record::{ExchangeEnd, Lane, Protection};

use crate::client::Client;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn sent_parts(log: &WireLog) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    for entry in log.entries() {
        if let WireEvent::Octets(Direction::Sent, octets) = entry.event {
            parts.push(octets);
        }
    }
    parts
}

#[tokio::test]
async fn the_101_and_the_first_frame_are_one_write() {
    let peer = MockPeer::start("101-and-preface-joined").await.unwrap();
    assert_eq!(Client::new(&peer).ask(Lane::H2cUpgrade).await, "101 h2 answered");
    let record = peer.stop().await;
    let parts = sent_parts(&record.connections[0].wire);
    let first = &parts[0];
    let switch_end = first.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    // RFC 9113 §4.1: a SETTINGS frame, type 4, on stream 0.
    assert_eq!(first[switch_end + 3], 4, "{first:?}");
}

#[tokio::test]
async fn every_octet_is_a_write_of_its_own() {
    let peer = MockPeer::start("101-and-preface-split").await.unwrap();
    assert_eq!(Client::new(&peer).ask(Lane::H2cUpgrade).await, "101 h2 answered");
    let record = peer.stop().await;
    let parts = sent_parts(&record.connections[0].wire);
    assert!(parts.len() > 100, "{}", parts.len());
    assert!(parts.iter().all(|part| part.len() == 1));
}

#[tokio::test]
async fn early_octets_come_with_the_101() {
    let peer = MockPeer::start("ws-early-frame").await.unwrap();
    assert_eq!(Client::new(&peer).ask(Lane::WebSocket).await, "101 echo");
    let record = peer.stop().await;
    let parts = sent_parts(&record.connections[0].wire);
    assert!(parts[0].ends_with(b"\r\n\r\n\x81\x05early"), "{:?}", parts[0]);
}

#[tokio::test]
async fn two_responses_answer_one_request() {
    let peer = MockPeer::start("two-responses").await.unwrap();
    let answer = Client::new(&peer).send(GET).await;
    let record = peer.stop().await;
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    let sent = record.connections[0].wire.octets(Direction::Sent);
    assert!(sent.ends_with(b"Upgrade.\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\npoison!"));
    assert_eq!(record.requests().len(), 1);
}

#[tokio::test]
async fn steps_count_requests() {
    let peer = MockPeer::start("426-retry-after").await.unwrap();
    let client = Client::new(&peer);
    assert_eq!(client.ask(Lane::Http11).await, "426");
    assert_eq!(client.ask(Lane::Http11).await, "200");
    let record = peer.stop().await;
    let steps: Vec<Option<usize>> = record.requests().iter().map(|request| request.step).collect();
    assert_eq!(steps, [Some(1), Some(2)]);
}

/// On one connection the first request is answered and the second is not.
#[tokio::test]
async fn steps_count_requests_on_their_connection() {
    let peer = MockPeer::start("426-then-silent").await.unwrap();
    let mut stream = Client::new(&peer).connect().await;
    stream.write_all(&[GET, GET].concat()).await.unwrap();
    let mut answers = Vec::new();
    while !answers.ends_with(b"HTTP/2.\r\n") {
        assert_ne!(stream.read_buf(&mut answers).await.unwrap(), 0);
    }
    let more = timeout(Duration::from_millis(200), stream.read_buf(&mut answers)).await;
    assert!(more.is_err(), "{}", String::from_utf8_lossy(&answers));
    let record = peer.stop().await;
    assert_eq!(record.connections.len(), 1);
    let ends: Vec<_> = record.exchanges().iter().map(|exchange| exchange.end).collect();
    assert_eq!(ends, [Some(ExchangeEnd::Complete), None]);
}

#[tokio::test]
async fn a_101_goes_out_before_the_100_that_is_due() {
    let peer = MockPeer::start("101-before-100").await.unwrap();
    let request = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n\
        Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nExpect: 100-continue\r\n\
        Content-Length: 4\r\n\r\n";
    let answer = Client::new(&peer).send(request).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
}

#[tokio::test]
async fn a_client_that_expects_100_gets_it_before_the_answer() {
    let peer = MockPeer::start("bare-426").await.unwrap();
    let mut stream = Client::new(&peer).connect().await;
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
    }
    assert_eq!(answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"body").await.unwrap();
    while !answer.ends_with(b"Upgrade Required\r\n") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
    }
    let record = peer.stop().await;
    let exchange = record.exchanges()[0];
    assert_eq!(exchange.interim[0].status, 100);
    assert_eq!(exchange.request.as_ref().unwrap().body.as_ref().unwrap().octets, b"body");
}

/// The answer comes while the client still sends, and the content is recorded nevertheless.
#[tokio::test]
async fn a_request_is_answered_at_its_head() {
    let peer = MockPeer::start("426-before-body").await.unwrap();
    let mut stream = Client::new(&peer).connect().await;
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"requires TLS.\r\n") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
    }
    stream.write_all(b"4\r\nbody\r\n0\r\n\r\n").await.unwrap();
    drop(stream);
    let record = peer.stop().await;
    let exchange = record.exchanges()[0];
    assert_eq!(exchange.request.as_ref().unwrap().body.as_ref().unwrap().octets, b"body");
    assert_eq!(exchange.response.as_ref().unwrap().status, 426);
}

/// A malformed request is recorded, and the peer goes on.
#[tokio::test]
async fn malformed_octets_are_survived_and_recorded() {
    let peer = MockPeer::start("bare-426").await.unwrap();
    let client = Client::new(&peer);
    // A line end in a ClientHello makes no request of it.
    let hello = [22, 3, 1, 0, 5, 1, 0, 0, 1, b'\n'];
    for octets in [&hello[..], b"\0\xff\n\n", b"GET / HTTP/1.1\nno colon\n\n", b"GET /\r\n"] {
        client.send(octets).await;
    }
    let record = peer.stop().await;
    for (connection, octets) in record.connections.iter().zip([&hello[..], b"\0\xff\n\n"]) {
        assert_eq!(connection.wire.octets(Direction::Received), octets);
    }
    let failed = record.connections[0].handshake_error.as_deref().unwrap_or_default();
    assert!(failed.starts_with("the TLS handshake failed: "), "{failed}");
    let versions: Vec<String> = record
        .exchanges()
        .iter()
        .map(|exchange| exchange.request.as_ref().unwrap().version.clone())
        .collect();
    assert_eq!(versions, ["0.9", "1.1", "0.9"]);
}

/// The peer is an observer that changes nothing: both ends have the same octets.
#[tokio::test]
async fn the_record_has_the_octets_of_the_client() {
    let text =
        "[[step]]\nsend = \"HTTP/1.1 200 OK\\nContent-Length: 3\\n\\nabc\"\nfault = { split = 2 }";
    let peer = MockPeer::start_toml(text).await.unwrap();
    let request = b"POST / HTTP/1.1\r\nhost:  a \nX\xff: \0\r\nContent-Length: 3\r\n\r\n\r\n\0";
    let answer = Client::new(&peer).send(request).await;
    let record = peer.stop().await;
    let wire = &record.connections[0].wire;
    assert_eq!(wire.octets(Direction::Received), request);
    assert_eq!(wire.octets(Direction::Sent), answer.as_bytes());
    assert_eq!(answer, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    let times: Vec<Duration> = wire.entries().iter().map(|entry| entry.at).collect();
    assert!(times.is_sorted(), "{times:?}");
}

/// The record has all that was sent before the stop, also if the peer has not read it yet.
#[tokio::test]
async fn the_stop_loses_nothing() {
    for _ in 0..50 {
        let peer = MockPeer::start("bare-426").await.unwrap();
        let mut stream = Client::new(&peer).connect().await;
        stream.write_all(GET).await.unwrap();
        let record = peer.stop().await;
        assert_eq!(record.requests().len(), 1);
        assert_eq!(record.connections[0].wire.octets(Direction::Received), GET);
    }
}

#[tokio::test]
async fn scenarios_are_served_by_path_and_host() {
    let peer = MockOptions::new()
        .route(RouteKey::Path("/old".to_owned()), catalogue::find_scenario("bare-426").unwrap())
        .route(RouteKey::Host("b.example".to_owned()), catalogue::find_scenario("silent").unwrap())
        .route(RouteKey::All, Scenario::parse("[[step]]\nstatus = 204", "all.toml").unwrap())
        .start()
        .await
        .unwrap();
    let client = Client::new(&peer);
    for (target, status) in [("/old/x", "426"), ("/older", "204"), ("http://c/old", "204")] {
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
        let answer = client.send(request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{target}: {answer}");
    }
    let mut stream = client.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: B.example:80\r\n\r\n").await.unwrap();
    let record = peer.stop().await;
    let names: Vec<&str> =
        record.requests().iter().map(|request| request.scenario.as_str()).collect();
    assert_eq!(names, ["bare-426", "all", "all", "silent"]);
}

/// What the record tells a judge about cleartext and TLS.
#[tokio::test]
async fn cleartext_and_tls_are_recorded_apart() {
    let peer = MockPeer::start("right-tls-in-band").await.unwrap();
    assert_eq!(Client::new(&peer).ask(Lane::TlsInBand).await, "101 tls 200");
    let record = peer.stop().await;
    let connection = &record.connections[0];
    assert_eq!(connection.transport, Transport::Tcp);
    let tls = connection.tls.as_ref().unwrap();
    let tls_1_3 = Protection::Tls { version: Some("1.3".to_owned()), alpn: None };
    assert_eq!(tls.protection, tls_1_3);
    let wire = connection.wire.octets(Direction::Sent);
    let inside = tls.inside.octets(Direction::Sent);
    assert!(wire.starts_with(b"HTTP/1.1 101 ") && inside.starts_with(b"HTTP/1.1 200 OK"));
    let secret = b"Inside TLS.";
    assert!(!wire.windows(secret.len()).any(|window| window == secret));
    let exchange = &connection.requests[0].exchange;
    assert_eq!(exchange.interim[0].status, 101);
    assert_eq!(exchange.response.as_ref().unwrap().status, 200);
    assert_eq!(exchange.end, Some(ExchangeEnd::Complete));
}

#[tokio::test]
async fn a_scenario_about_connections_is_served_alone() {
    let options = MockOptions::new()
        .route(RouteKey::Path("/a".to_owned()), catalogue::find_scenario("bare-426").unwrap())
        .scenario(catalogue::find_scenario("tls12-only").unwrap());
    let error = options.start().await.unwrap_err().to_string();
    assert!(error.starts_with("`tls12-only` decides about whole connections"), "{error}");
    let error = MockOptions::new().start().await.unwrap_err().to_string();
    assert_eq!(error, "a mock needs a scenario");
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let first = MockPeer::start("bare-426").await.unwrap();
    let scenario = catalogue::find_scenario("bare-426").unwrap();
    let options = MockOptions::new().scenario(scenario).listen(first.http_address());
    let error = options.start().await.unwrap_err().to_string();
    assert!(error.contains(&first.http_address().to_string()), "{error}");
}

#[tokio::test]
async fn an_unknown_peer_is_an_error_with_a_proposal() {
    let error = MockPeer::start("bare-462").await.unwrap_err().to_string();
    assert_eq!(error, "no peer is called `bare-462`; did you mean `bare-426`?");
}
