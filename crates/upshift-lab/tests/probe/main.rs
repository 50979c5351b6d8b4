//! The probe against servers that are written by hand.
#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

mod peer;

use std::time::Duration;

use upshift_lab::probe::{MOST_DIALS, ProbeSettings, Target, probe};
use upshift_record::probe::{ProbeOutcome, ProbeReport, ProbeRow, PromiseVerdict};
use upshift_record::{ExchangeEnd, Lane};

use self::peer::Peer;

/// A response to everything that is HTTP/1.
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn settings(url: &str) -> ProbeSettings {
    let mut settings = ProbeSettings::new(Target::parse(url).unwrap());
    // Long enough for a busy machine. Only a server that does not answer takes so long.
    settings.timeout = Duration::from_secs(5);
    settings
}

fn run(settings: ProbeSettings) -> ProbeReport {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(probe(settings))
}

fn row<'r>(report: &'r ProbeReport, question: &str) -> &'r ProbeRow {
    report.rows().find(|row| row.question == question).unwrap()
}

fn hop_ids(report: &ProbeReport) -> Vec<&str> {
    report.hops.iter().map(|hop| hop.id.as_str()).collect()
}

/// A port at which nothing listens, and that no other program gets while this value lives.
struct ClosedPort(tokio::net::TcpSocket);

impl ClosedPort {
    fn reserve() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        Self(socket)
    }

    fn number(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }
}

/// docs/probe.md: how many requests are sent, and that none has content.
#[test]
fn one_request_is_sent_for_each_question() {
    let peer = Peer::start(|_| OK.to_vec());
    let mut wanted = settings(&peer.url("/"));
    // The questions over TLS come to the same port, to be counted.
    wanted.tls_port = Some(peer.port());
    let report = run(wanted);
    // All but HTTP/3, which goes over UDP.
    assert_eq!(peer.seen().len(), Lane::ALL.len() - 1 + 8);
    assert_eq!(report.connections, 18);
    let requests = peer.requests();
    assert_eq!(requests.len(), 9, "{requests:#?}");
    for request in requests {
        assert!(request.starts_with("GET / HTTP/"), "{request}");
        assert!(request.contains("\r\nUser-Agent: upshift-probe/"), "{request}");
        assert!(!request.to_ascii_lowercase().contains("content-length"), "{request}");
        assert_eq!(request.matches("\r\nHost: ").count(), 1, "{request}");
    }
    assert_eq!(row(&report, "h1.1").status, Some(200));
    assert_eq!(row(&report, "h2c-prior").outcome, ProbeOutcome::Declined);
    assert_eq!(row(&report, "h2").reason.as_deref(), Some("the port speaks no TLS"));
    assert_eq!(row(&report, "h3").reason.as_deref(), Some("UDP port closed"));
    assert_eq!(row(&report, "tls1.0").outcome, ProbeOutcome::Declined);
    assert!(report.promises.is_empty() && report.hops.is_empty(), "{report:#?}");
}

/// Reads the whole connection, and never answers.
#[test]
fn a_server_that_never_answers_is_left() {
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = silent.local_addr().unwrap();
    let mut wanted = settings(&format!("http://{address}/"));
    wanted.tls_port = Some(address.port());
    wanted.timeout = Duration::from_millis(400);
    let report = run(wanted);
    for question in report.rows().filter(|row| row.question != "h3") {
        assert_eq!(question.outcome, ProbeOutcome::Failed, "{question:?}");
    }
    let exchange = row(&report, "h1.1").exchange.as_ref().unwrap();
    assert_eq!(exchange.end, Some(ExchangeEnd::TimedOut));
    assert!(exchange.request.is_some());
    assert!(!report.reached_something());
}

#[test]
fn a_promise_of_tls_at_a_closed_port_is_not_delivered() {
    let closed = ClosedPort::reserve();
    let port = closed.number();
    let refusal = format!(
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\nConnection: upgrade\r\n\
         Location: https://127.0.0.1:{port}/\r\nContent-Length: 0\r\n\r\n"
    );
    let peer = Peer::start(move |_| refusal.clone().into_bytes());
    let report = run(settings(&peer.url("/")));
    assert_eq!(report.tls, Some(format!("127.0.0.1:{port}")), "the port is told by Location");
    assert_eq!(row(&report, "tls1.3").reason.as_deref(), Some("connection refused"));
    let verdicts: Vec<(&str, PromiseVerdict)> =
        report.promises.iter().map(|promise| (promise.what.as_str(), promise.verdict)).collect();
    let url = format!("https://127.0.0.1:{port}/");
    assert_eq!(
        verdicts,
        [("TLS/1.2", PromiseVerdict::NotDelivered), (url.as_str(), PromiseVerdict::NotDelivered)]
    );
    assert!(report.falls_short());
}

#[test]
fn interim_responses_stay_apart_from_the_final_one() {
    let answer = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 426 Upgrade Required\r\n\
        Upgrade: HTTP/2.0\r\nContent-Length: 0\r\n\r\n";
    let peer = Peer::start(|_| answer.to_vec());
    let mut wanted = settings(&peer.url("/"));
    wanted.lanes = vec![Lane::Http11];
    wanted.asks_extras = false;
    let report = run(wanted);
    let exchange = row(&report, "h1.1").exchange.as_ref().unwrap();
    assert_eq!((exchange.interim.len(), exchange.interim[0].status), (1, 103));
    assert_eq!(exchange.response.as_ref().unwrap().status, 426);
    assert_eq!(row(&report, "h1.1").upgrade, ["HTTP/2.0"]);
    // HTTP/2 was not asked, so nothing is known of the promise.
    assert_eq!(report.promises[0].verdict, PromiseVerdict::NotChecked);
}

/// RFC 9110 §7.8: "A server MUST NOT switch to a protocol that was not indicated by the client".
#[test]
fn a_switch_that_was_not_offered_is_shown() {
    let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: upgrade\r\n\r\n";
    let peer = Peer::start(|_| answer.to_vec());
    let report = run(settings(&peer.url("/")));
    let plain = row(&report, "h1.1");
    assert_eq!(plain.outcome, ProbeOutcome::Failed);
    let exchange = plain.exchange.as_ref().unwrap();
    assert_eq!((exchange.interim[0].status, exchange.end), (101, Some(ExchangeEnd::Malformed)));
    let reason = row(&report, "ws").reason.clone().unwrap();
    assert_eq!(reason, "the 101 has Upgrade: foo, but `websocket` was offered");
    assert_eq!(row(&report, "tokens").switched_to.as_deref(), Some("foo"));
    assert_eq!(row(&report, "token").outcome, ProbeOutcome::Failed);
}

/// RFC 6455 §4.1, 4.
#[test]
fn a_websocket_handshake_needs_the_right_proof() {
    let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let peer = Peer::start(|_| answer.to_vec());
    let mut wanted = settings(&peer.url("/"));
    wanted.lanes = vec![Lane::WebSocket];
    wanted.asks_extras = false;
    let report = run(wanted);
    let reason = row(&report, "ws").reason.as_deref();
    assert_eq!(reason, Some("Sec-WebSocket-Accept does not belong to the key"));
}

/// A client library discards such a response. Here it is shown, and named.
#[test]
fn connection_fields_in_http2_are_shown() {
    // SETTINGS; then HEADERS with `:status: 426` (literal, name from the static table) and
    // `upgrade: h2c` (literal), END_STREAM and END_HEADERS.
    let block = b"\x08\x03426\x00\x07upgrade\x03h2c";
    let mut answer = vec![0, 0, 0, 4, 0, 0, 0, 0, 0];
    answer.extend([0, 0, block.len() as u8, 1, 5, 0, 0, 0, 1]);
    answer.extend(block);
    let peer = Peer::start(move |_| answer.clone());
    let mut wanted = settings(&peer.url("/"));
    wanted.lanes = vec![Lane::H2cPrior];
    wanted.asks_extras = false;
    let report = run(wanted);
    let prior = row(&report, "h2c-prior");
    assert_eq!((prior.outcome, prior.status), (ProbeOutcome::Answered, Some(426)), "{prior:?}");
    assert_eq!(hop_ids(&report), ["leaked-fields"]);
}

/// A GOAWAY or RST_STREAM says why.
#[test]
fn an_error_of_http2_is_named() {
    let mut answer = vec![0, 0, 0, 4, 0, 0, 0, 0, 0];
    answer.extend([0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 13]);
    let peer = Peer::start(move |_| answer.clone());
    let mut wanted = settings(&peer.url("/"));
    wanted.lanes = vec![Lane::H2cPrior];
    wanted.asks_extras = false;
    let prior = row(&run(wanted), "h2c-prior").clone();
    assert_eq!(prior.reason.as_deref(), Some("the server reset the stream with HTTP_1_1_REQUIRED"));
}

/// A secret never goes to an endpoint that the user did not name, and never in cleartext instead of
/// TLS.
#[test]
fn secrets_do_not_leave_the_named_endpoint() {
    let peer = Peer::start(|_| OK.to_vec());
    let closed = ClosedPort::reserve();
    let mut wanted = settings(&format!("https://127.0.0.1:{}/", closed.number()));
    wanted.cleartext_port = Some(peer.port());
    for (name, value) in
        [("Authorization", "Bearer s3cret"), ("X-Session-Id", "s3cret"), ("X-Api-Version", "1")]
    {
        wanted.fields.push((name.to_owned(), value.to_owned()));
    }
    run(wanted.clone());
    let seen = peer.seen();
    // h2c-upgrade, h2c-prior and tls-inband.
    assert_eq!(seen.len(), 3);
    for octets in seen {
        let text = String::from_utf8_lossy(&octets).to_ascii_lowercase();
        assert!(!text.contains("s3cret") && text.contains("x-api-version"), "{text}");
    }
    // The endpoint that the user named gets them.
    wanted.target = Target::parse(&peer.url("/")).unwrap();
    wanted.lanes = vec![Lane::Http11];
    run(wanted);
    let plain = peer.requests().into_iter().find(|request| request.contains("Bearer s3cret"));
    assert!(plain.is_some());
}

#[test]
fn other_hosts_are_not_dialled_and_dials_are_few() {
    let mut links = Vec::new();
    for number in 0..20 {
        links.push(format!("</docs/{number}>; rel=help"));
    }
    let refusal = format!(
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: orders/2\r\nConnection: upgrade\r\n\
         Location: http://elsewhere.invalid/\r\nLink: {}\r\nContent-Length: 0\r\n\r\n",
        links.join(", ")
    );
    let peer = Peer::start(move |request| {
        let wants_docs = request.starts_with(b"GET /docs/");
        if wants_docs { OK.to_vec() } else { refusal.clone().into_bytes() }
    });
    let mut wanted = settings(&peer.url("/"));
    wanted.lanes = vec![Lane::Http11];
    wanted.asks_extras = false;
    let report = run(wanted);
    assert_eq!(peer.seen().len(), 1 + MOST_DIALS);
    let verdict_of = |what: &str| {
        let promise = report.promises.iter().find(|promise| promise.what.ends_with(what)).unwrap();
        (promise.verdict, promise.evidence.clone())
    };
    assert_eq!(
        verdict_of("elsewhere.invalid/"),
        (PromiseVerdict::NotChecked, "it is on another host (--follow-hosts dials it)".to_owned())
    );
    // The token took one of the dials.
    let evidence = "not a registered protocol; 426 when it is offered on a connection";
    assert_eq!(verdict_of("orders/2"), (PromiseVerdict::NotChecked, evidence.to_owned()));
    assert_eq!(verdict_of("/docs/0").0, PromiseVerdict::Delivered);
    assert_eq!(verdict_of("/docs/19").0, PromiseVerdict::NotChecked);
}

/// RFC 1945 §3.1: a Simple-Response has no status line.
#[test]
fn content_without_a_head_is_http_0_9() {
    let peer = Peer::start(|request| {
        let is_old = request.starts_with(b"GET /\r\n");
        if is_old { b"<p>old".to_vec() } else { OK.to_vec() }
    });
    let report = run(settings(&peer.url("/")));
    let old = row(&report, "http/0.9");
    assert_eq!(old.outcome, ProbeOutcome::Accepted);
    assert_eq!(old.reason.as_deref(), Some("6 octets without a head"));
}

/// What is recorded is what went over the wire.
#[test]
fn the_octets_of_a_connection_are_kept() {
    let peer = Peer::start(|_| OK.to_vec());
    let mut wanted = settings(&peer.url("/"));
    wanted.lanes = vec![Lane::Http10];
    wanted.asks_extras = false;
    let report = run(wanted);
    let mut sent = Vec::new();
    let mut received = Vec::new();
    for entry in &row(&report, "h1.0").wire {
        match entry.event.as_str() {
            "sent" => sent.extend_from_slice(entry.octets.as_bytes()),
            "received" => received.extend_from_slice(entry.octets.as_bytes()),
            _ => {}
        }
    }
    assert_eq!(received, OK);
    assert_eq!(peer.seen(), [sent]);
}
