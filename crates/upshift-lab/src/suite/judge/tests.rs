#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use upshift_record::{ExchangeEnd, RecordedBody, RecordedField};

use super::*;

fn response(status: u16, fields: &[(&str, &str)], body: &str) -> RecordedResponse {
    let mut recorded = Vec::new();
    for (name, value) in fields {
        recorded.push(RecordedField((*name).into(), (*value).into()));
    }
    RecordedResponse {
        status,
        version: "1.1".to_owned(),
        reason: None,
        fields: recorded,
        body: Some(RecordedBody { octets: body.as_bytes().to_vec(), cut_from: None }),
        trailers: Vec::new(),
    }
}

fn refusal() -> RecordedExchange {
    let fields = [("Upgrade", "TLS/1.2"), ("upgrade", "HTTP/1.1"), ("Connection", "Upgrade")];
    RecordedExchange {
        interim: vec![response(103, &[("Link", "</a>")], "")],
        response: Some(response(426, &fields, r#"{"rule":"tls","list":[1]}"#)),
        ..RecordedExchange::empty()
    }
}

fn judge(expect: &str, exchange: &RecordedExchange) -> Vec<String> {
    let expect: LaneExpectation = toml::from_str(expect).unwrap();
    judge_exchange(&expect, exchange).iter().map(ToString::to_string).collect()
}

#[test]
fn an_exchange_that_meets_everything_has_no_mismatch() {
    let expect = r#"
        status = ["4xx"]
        version = "1.1"
        interim = [103]
        interim-fields.103.Link = "</a>"
        fields.upgrade = "TLS/1.2, HTTP/1.1"
        fields.Connection = { token = "upgrade" }
        absent = ["Location"]
        body = { contains = "rule" }
        json."/rule" = "tls"
        json."/list" = [1]
    "#;
    assert_eq!(judge(expect, &refusal()), Vec::<String>::new());
}

#[test]
fn each_difference_is_named_once() {
    let rows = [
        ("status = 200", "status: expected 200, got 426"),
        ("version = '2'", "version: expected 2, got 1.1"),
        ("interim = []", "interim responses: expected [], got [103]"),
        (
            "interim-fields.101.Upgrade = 'a'",
            "interim responses: expected 101, got no such response",
        ),
        ("fields.Location = 'a'", "field Location: expected `a`, got no such field"),
        ("absent = ['Connection']", "field Connection: expected none, got \"Upgrade\""),
        ("json.'/rule' = 'x'", "JSON at /rule: expected \"x\", got \"tls\""),
        ("json.'/none' = 1", "JSON at /none: expected 1, got nothing there"),
        ("closed = true", "response: expected none, and a closed connection, got 426"),
    ];
    for (expect, mismatch) in rows {
        assert_eq!(judge(expect, &refusal()), [mismatch]);
    }
}

#[test]
fn a_missing_response_is_a_mismatch_only_if_one_is_expected() {
    let nothing = RecordedExchange {
        error: Some("connection refused".to_owned()),
        ..RecordedExchange::empty()
    };
    assert_eq!(
        judge("status = 200", &nothing),
        ["response: expected a final response, got connection refused"]
    );
    let switched =
        RecordedExchange { interim: vec![response(101, &[], "")], error: None, ..nothing };
    assert_eq!(judge("interim = [101]", &switched), Vec::<String>::new());
}

#[test]
fn only_a_server_that_closes_meets_closed() {
    let ended = |end, error: &str| RecordedExchange {
        end: Some(end),
        error: Some(error.to_owned()),
        ..RecordedExchange::empty()
    };
    let closed = ended(ExchangeEnd::Closed, "the server closed without a response");
    assert_eq!(judge("closed = true", &closed), Vec::<String>::new());
    let silent = ended(ExchangeEnd::TimedOut, "no end within 5 s");
    assert_eq!(
        judge("closed = true", &silent),
        ["connection: expected closed, got no end within 5 s"]
    );
    // Nothing but an absence is expected, and nothing came.
    let mismatches = judge("absent = ['Upgrade']", &silent);
    assert_eq!(mismatches, ["response: expected a final response, got no end within 5 s"]);
}

#[test]
fn a_response_that_breaks_off_is_a_mismatch() {
    let cut = RecordedExchange {
        end: Some(ExchangeEnd::Closed),
        error: Some("body-cut-short".to_owned()),
        ..refusal()
    };
    let mismatches = judge("status = 426", &cut);
    assert_eq!(mismatches, ["exchange: expected complete, got body-cut-short"]);
}

#[test]
fn content_that_is_no_json_is_named() {
    let mut exchange = refusal();
    exchange.response = Some(response(200, &[], "<html>"));
    let mismatches = judge("json.'/a' = 1", &exchange);
    assert!(mismatches[0].starts_with("content: expected JSON, got \"<html>\""), "{mismatches:?}");
}

/// The part that was cut off could hold what must not be there.
#[test]
fn content_that_was_cut_meets_no_expectation() {
    let mut exchange = refusal();
    let mut cut = response(200, &[], "[1]");
    cut.body.as_mut().unwrap().cut_from = Some(9);
    exchange.response = Some(cut);
    for expect in ["body = { lacks = 'END' }", "json.'/0' = 1", "schema = 'a.json'"] {
        let mismatches = judge(expect, &exchange);
        assert_eq!(
            mismatches,
            ["content: expected all of it, got only its first 3 octets: the rest was not read"]
        );
    }
    assert_eq!(judge("status = 200", &exchange), Vec::<String>::new());
}
