use std::time::Duration;

use upshift_record::{RecordedBody, RecordedField, RecordedResponse};

use super::*;
use crate::mock::{ConnectionRecord, Transport};
use crate::wire_log::{WireEvent, WireLog};

fn fields(lines: &[(&str, &str)]) -> Vec<RecordedField> {
    lines.iter().map(|(name, value)| RecordedField((*name).into(), (*value).into())).collect()
}

fn request(method: &str, field: (&str, &str), body: &str) -> RecordedRequest {
    RecordedRequest {
        method: method.into(),
        target: "/".into(),
        version: "1.1".to_owned(),
        fields: fields(&[field]),
        body: Some(RecordedBody { octets: body.as_bytes().to_vec(), cut_from: None }),
        trailers: Vec::new(),
    }
}

fn response(status: u16, upgrade: &str) -> RecordedResponse {
    RecordedResponse {
        status,
        version: "1.1".to_owned(),
        reason: None,
        fields: fields(&[("Upgrade", upgrade)]),
        body: Some(RecordedBody { octets: b"TLS is required here.".to_vec(), cut_from: None }),
        trailers: Vec::new(),
    }
}

fn exchange(
    lane: Lane,
    message: RecordedRequest,
    response: Option<RecordedResponse>,
) -> RecordedExchange {
    RecordedExchange {
        lane: Some(lane),
        protection: Some(Protection::Cleartext),
        request: Some(message),
        response,
        ..RecordedExchange::empty()
    }
}

fn record(exchanges: Vec<RecordedExchange>) -> MockRecord {
    let mut requests = Vec::new();
    for (place, exchange) in exchanges.into_iter().enumerate() {
        requests.push(AnsweredRequest {
            scenario: "s".to_owned(),
            step: Some(1),
            received: Duration::from_millis(place as u64),
            answered: None,
            exchange,
        });
    }
    let connection = ConnectionRecord {
        number: 1,
        client: ([127, 0, 0, 1], 1).into(),
        transport: Transport::Tcp,
        accepted: Duration::ZERO,
        ended: None,
        wire: WireLog::begin(),
        tls: None,
        handshake_error: None,
        requests,
        malformed: Vec::new(),
    };
    MockRecord { connections: vec![connection] }
}

fn whole(text: &str) -> RecordedBody {
    RecordedBody { octets: text.as_bytes().to_vec(), cut_from: None }
}

fn output(code: i32, stdout: &str) -> ClientOutput {
    ClientOutput {
        end: ClientEnd::Exited(code),
        stdout: whole(stdout),
        stderr: whole("warning\ncurl: (22) the URL returned error\n\n"),
        took: Duration::ZERO,
    }
}

const NO_TOKENS: RunTokens<'_> = RunTokens { secret: None, body: None, began_with_tls: false };

fn get() -> RecordedRequest {
    request("GET", ("Authorization", "Bearer s3cret"), "")
}

#[test]
fn a_refusal_and_a_later_success_are_seen() {
    let exchanges = vec![
        exchange(Lane::Http11, get(), Some(response(426, "h2c"))),
        exchange(Lane::H2cPrior, get(), Some(response(200, ""))),
    ];
    let seen = observe(&record(exchanges), &output(0, ""), NO_TOKENS);
    assert_eq!(seen.refused, Some((Some(Lane::Http11), 426)));
    assert_eq!(seen.served, Some(Some(Lane::H2cPrior)));
    assert_eq!((seen.requests, seen.most_alike), (2, 1));
}

#[test]
fn a_client_tells_by_exit_code_status_or_text() {
    let told = |code: i32, stdout: &str| {
        let exchanges = vec![exchange(Lane::Http11, get(), Some(response(426, "TLS/1.2")))];
        observe(&record(exchanges), &output(code, stdout), NO_TOKENS).told
    };
    let by_code = told(22, "").unwrap_or_default();
    assert_eq!(by_code, "exit code 22, \"curl: (22) the URL returned error\"");
    assert_eq!(told(0, "HTTP 426").as_deref(), Some("the output has the status 426"));
    assert!(told(0, "<p>TLS is required here.</p>").is_some());
    assert_eq!(told(0, "done"), None);
    assert_eq!(told(0, "http://127.0.0.1:42613/ is up"), None, "this is a port");
}

/// HAProxy greets idle connections with a 408, which a client takes for the answer.
#[test]
fn the_status_of_a_greeting_is_a_telling() {
    let told = |stdout: &str| {
        let record = record(vec![exchange(Lane::Http11, get(), None)]);
        let greeting = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n";
        let wire = &record.connections[0].wire;
        wire.record(WireEvent::Octets(Direction::Sent, greeting.to_vec()));
        observe(&record, &output(0, stdout), NO_TOKENS).told
    };
    assert_eq!(told("it said 408").as_deref(), Some("the output has the status 408"));
    assert_eq!(told("done"), None);
}

#[test]
fn a_secret_in_cleartext_is_a_leak_only_after_tls_was_demanded() {
    let tokens = RunTokens { secret: Some("s3cret"), ..NO_TOKENS };
    let leak = |upgrade: &str, tokens: RunTokens<'_>| {
        let exchanges = vec![
            exchange(Lane::Http11, get(), Some(response(426, upgrade))),
            exchange(Lane::Http11, get(), None),
        ];
        observe(&record(exchanges), &output(0, ""), tokens).leaked_secret
    };
    assert!(leak("TLS/1.3, HTTP/1.1", tokens).is_some());
    assert_eq!(leak("h2c", tokens), None);
    assert!(leak("h2c", RunTokens { began_with_tls: true, ..tokens }).is_some());
    assert_eq!(leak("TLS/1.3", NO_TOKENS), None);
}

#[test]
fn content_is_replayed_if_a_post_without_a_response_comes_again() {
    let tokens = RunTokens { body: Some("c0ntent"), ..NO_TOKENS };
    let replay = |method: &str, first: Option<RecordedResponse>| {
        let post = || request(method, ("A", "b"), "<c0ntent>");
        let exchanges =
            vec![exchange(Lane::Http11, post(), first), exchange(Lane::Http11, post(), None)];
        observe(&record(exchanges), &output(0, ""), tokens).replayed_body
    };
    assert!(replay("POST", None).is_some());
    assert!(replay("POST", Some(response(200, ""))).is_some());
    assert_eq!(replay("POST", Some(response(426, "h2c"))), None);
    assert_eq!(replay("PUT", None), None);
}

#[test]
fn a_peer_that_shows_nothing_does_not_count() {
    let why = |status: u16, step: Option<usize>| {
        let mut record = record(vec![exchange(Lane::Http11, get(), Some(response(status, "")))]);
        record.connections[0].requests[0].step = step;
        observe(&record, &output(0, ""), NO_TOKENS).not_shown
    };
    assert_eq!(why(426, Some(1)), None);
    assert_eq!(why(404, None), Some("the peer has no answer for the way in which it asks"));
    assert_eq!(why(302, Some(1)), Some("it does not follow redirects"));
}
