//! A client's run against the expectation.

use std::time::Duration;

use upshift_record::suite::Mismatch;
use upshift_record::{RecordedBody, RecordedExchange, RecordedRequest};

use super::judge::{cut_mismatch, judge_fields, lines_of, show_lines, show_octets};
use super::model::{ClientExpectation, RequestExpectation};
use super::predicate::TextExpectation;
use crate::client_run::{ClientEnd, ClientOutput};
use crate::grade::find_content_replay;
use crate::mock::MockRecord;

/// Lists the differences between what a client did and `expect`, apart from its grade.
pub(super) fn judge_client(
    expect: &ClientExpectation,
    record: &MockRecord,
    output: &ClientOutput,
    limit: Duration,
) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    judge_end(expect, output, limit, &mut mismatches);
    judge_text("stdout", expect.stdout.as_ref(), &output.stdout, &mut mismatches);
    judge_text("stderr", expect.stderr.as_ref(), &output.stderr, &mut mismatches);
    let mut requests = record.requests();
    requests.sort_by_key(|request| request.received);
    let exchanges: Vec<&RecordedExchange> =
        requests.iter().map(|request| &request.exchange).collect();
    judge_number(expect, exchanges.len(), &mut mismatches);
    for (place, expected) in expect.request.iter().enumerate() {
        let what = format!("request {}", place + 1);
        match exchanges.get(place) {
            Some(exchange) => judge_request(&what, expected, exchange, &mut mismatches),
            None => mismatches.push(Mismatch::new(what, "a request", "none")),
        }
    }
    if expect.no_body_replay
        && let Some(replay) = find_content_replay(record)
    {
        mismatches.push(Mismatch::new("content", "not sent again", replay));
    }
    mismatches
}

/// The end of a client in words.
pub(super) fn end_text(end: &ClientEnd) -> String {
    match end {
        ClientEnd::Exited(code) => format!("exit code {code}"),
        ClientEnd::Signalled(number) => format!("ended by signal {}", signal_text(*number)),
        ClientEnd::TimedOut => "killed at its time limit".to_owned(),
        ClientEnd::Stopped => "killed because it asked over and over".to_owned(),
        ClientEnd::NotStarted(why) => format!("not started: {why}"),
    }
}

/// The number of a signal, and the name of a usual one.
fn signal_text(number: i32) -> String {
    let name = match number {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        6 => "ABRT",
        8 => "FPE",
        9 => "KILL",
        11 => "SEGV",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        _ => return number.to_string(),
    };
    format!("{number} ({name})")
}

fn judge_end(
    expect: &ClientExpectation,
    output: &ClientOutput,
    limit: Duration,
    mismatches: &mut Vec<Mismatch>,
) {
    let expected = match (&output.end, expect.exit) {
        (ClientEnd::TimedOut, _) => format!("an end within {} s", limit.as_secs_f64()),
        (ClientEnd::Stopped, _) => "fewer requests".to_owned(),
        (ClientEnd::Exited(code), Some(expected)) if *code != expected => {
            format!("exit code {expected}")
        }
        (ClientEnd::Signalled(_), Some(expected)) => format!("exit code {expected}"),
        _ => return,
    };
    mismatches.push(Mismatch::new("end of the client", expected, end_text(&output.end)));
}

fn judge_text(
    what: &str,
    expected: Option<&TextExpectation>,
    actual: &RecordedBody,
    mismatches: &mut Vec<Mismatch>,
) {
    let Some(expected) = expected else { return };
    if let Some(cut) = cut_mismatch(what, Some(actual)) {
        mismatches.push(cut);
        return;
    }
    for unmet in expected.unmet(&[&actual.octets]) {
        mismatches.push(Mismatch::new(what, unmet, show_octets(&actual.octets)));
    }
}

fn judge_number(expect: &ClientExpectation, actual: usize, mismatches: &mut Vec<Mismatch>) {
    let expected = match (expect.requests, expect.max_requests) {
        (Some(expected), _) if actual != expected => expected.to_string(),
        (_, Some(most)) if actual > most => format!("at most {most}"),
        _ => return,
    };
    mismatches.push(Mismatch::new("number of requests", expected, actual.to_string()));
}

fn judge_request(
    what: &str,
    expect: &RequestExpectation,
    exchange: &RecordedExchange,
    mismatches: &mut Vec<Mismatch>,
) {
    if let Some(expected) = &expect.lane
        && exchange.lane != Some(expected.0)
    {
        let actual = exchange.lane.map_or("none", |lane| lane.as_str());
        mismatches.push(Mismatch::new(format!("{what}, lane"), expected.0.as_str(), actual));
    }
    if let Some(request) = &exchange.request {
        judge_message(what, expect, request, mismatches);
    }
}

fn judge_message(
    what: &str,
    expect: &RequestExpectation,
    request: &RecordedRequest,
    mismatches: &mut Vec<Mismatch>,
) {
    if let Some(expected) = &expect.method
        && request.method.as_bytes() != expected.as_bytes()
    {
        let actual = request.method.to_text();
        mismatches.push(Mismatch::new(format!("{what}, method"), expected, actual));
    }
    if let Some(expected) = &expect.version
        && request.version != *expected
    {
        mismatches.push(Mismatch::new(format!("{what}, version"), expected, &request.version));
    }
    judge_fields(&format!("{what}, field"), &expect.fields, &request.fields, mismatches);
    for name in &expect.absent {
        let lines = lines_of(&request.fields, name);
        if !lines.is_empty() {
            let what = format!("{what}, field {name}");
            mismatches.push(Mismatch::new(what, "none", show_lines(&lines)));
        }
    }
    let none = RecordedBody::default();
    let content = request.body.as_ref().unwrap_or(&none);
    judge_text(&format!("{what}, content"), expect.body.as_ref(), content, mismatches);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_has_its_name() {
        assert_eq!(end_text(&ClientEnd::Signalled(11)), "ended by signal 11 (SEGV)");
        assert_eq!(end_text(&ClientEnd::Signalled(7)), "ended by signal 7");
    }
}
