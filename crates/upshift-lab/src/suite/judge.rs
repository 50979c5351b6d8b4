//! An exchange against the expectation of its lane.

use std::collections::BTreeMap;

use serde_json::Value;
use upshift_record::suite::Mismatch;
use upshift_record::{
    ExchangeEnd, RecordedBody, RecordedExchange, RecordedField, RecordedResponse,
};

use super::model::LaneExpectation;
use super::predicate::TextExpectation;

impl LaneExpectation {
    /// Returns true if every exchange would meet it.
    pub(super) fn checks_nothing(&self) -> bool {
        let no_fields = self.fields.is_empty() && self.absent.is_empty();
        let no_interim = self.interim.is_none() && self.interim_fields.is_empty();
        let no_head = self.status.is_none() && self.version.is_none() && !self.closed;
        no_fields && no_interim && no_head && !self.checks_content() && self.notes.is_empty()
    }

    /// Returns true if it says anything about the content.
    fn checks_content(&self) -> bool {
        self.body.is_some() || !self.json.is_empty() || self.schema.is_some()
    }
}

/// Lists the differences between `exchange` and `expect`, apart from the schema and the notes.
pub fn judge_exchange(expect: &LaneExpectation, exchange: &RecordedExchange) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    judge_interim(expect, exchange, &mut mismatches);
    match (&exchange.response, expect.closed) {
        (Some(response), true) => {
            let actual = response.status.to_string();
            mismatches.push(Mismatch::new("response", "none, and a closed connection", actual));
        }
        (Some(response), false) => {
            judge_completeness(expect, exchange, response, &mut mismatches);
            judge_response(expect, response, &mut mismatches);
        }
        (None, true) => judge_close(exchange, &mut mismatches),
        (None, false) => {
            // After a switch to a protocol that is not HTTP, there is none.
            if !is_switched(exchange) || needs_response(expect) {
                let none = if is_switched(exchange) { "none after the 101" } else { "none" };
                let actual = exchange.error.as_deref().unwrap_or(none);
                mismatches.push(Mismatch::new("response", "a final response", actual));
            }
        }
    }
    mismatches
}

/// A closed connection is one that the server has closed or reset.
fn judge_close(exchange: &RecordedExchange, mismatches: &mut Vec<Mismatch>) {
    // A failed handshake of TLS counts: the server has refused the connection.
    let closed = [ExchangeEnd::Closed, ExchangeEnd::Reset, ExchangeEnd::Unreachable];
    if !exchange.end.is_some_and(|end| closed.contains(&end)) {
        let actual = exchange.error.as_deref().unwrap_or("an open connection");
        mismatches.push(Mismatch::new("connection", "closed", actual));
    }
}

/// A response that breaks off is a failure, even if its head is as expected.
fn judge_completeness(
    expect: &LaneExpectation,
    exchange: &RecordedExchange,
    response: &RecordedResponse,
    mismatches: &mut Vec<Mismatch>,
) {
    let Some(error) = &exchange.error else { return };
    // An answer in another version of HTTP than that of the request is an error of the exchange,
    // unless just that is expected.
    let asked = exchange.request.as_ref().map(|request| request.version.as_str());
    match asked {
        Some("2") if response.version != "2" => {
            if expect.version.as_ref() != Some(&response.version) {
                let actual = format!("HTTP/{}", response.version);
                mismatches.push(Mismatch::new("protocol", "HTTP/2", actual));
            }
        }
        _ => mismatches.push(Mismatch::new("exchange", "complete", error)),
    }
}

fn is_switched(exchange: &RecordedExchange) -> bool {
    exchange.error.is_none() && exchange.interim.last().is_some_and(|last| last.status == 101)
}

/// Returns true if the expectation speaks of a final response. After a `101` there may be none.
fn needs_response(expect: &LaneExpectation) -> bool {
    let head = expect.status.is_some() || expect.version.is_some();
    head || expect.checks_content() || !expect.fields.is_empty()
}

fn judge_interim(
    expect: &LaneExpectation,
    exchange: &RecordedExchange,
    mismatches: &mut Vec<Mismatch>,
) {
    let codes: Vec<u16> = exchange.interim.iter().map(|response| response.status).collect();
    if let Some(expected) = &expect.interim
        && *expected != codes
    {
        let (expected, actual) = (format!("{expected:?}"), format!("{codes:?}"));
        mismatches.push(Mismatch::new("interim responses", expected, actual));
    }
    for (code, fields) in &expect.interim_fields {
        let found = exchange.interim.iter().find(|response| response.status.to_string() == *code);
        match found {
            Some(response) => {
                judge_fields(&format!("{code} field"), fields, &response.fields, mismatches);
            }
            None => mismatches.push(Mismatch::new("interim responses", code, "no such response")),
        }
    }
}

fn judge_response(
    expect: &LaneExpectation,
    response: &RecordedResponse,
    mismatches: &mut Vec<Mismatch>,
) {
    if let Some(status) = &expect.status
        && !status.includes(response.status)
    {
        let actual = response.status.to_string();
        mismatches.push(Mismatch::new("status", status.to_string(), actual));
    }
    if let Some(version) = &expect.version
        && *version != response.version
    {
        mismatches.push(Mismatch::new("version", version, &response.version));
    }
    judge_fields("field", &expect.fields, &response.fields, mismatches);
    for name in &expect.absent {
        let lines = lines_of(&response.fields, name);
        if !lines.is_empty() {
            mismatches.push(Mismatch::new(format!("field {name}"), "none", show_lines(&lines)));
        }
    }
    if expect.checks_content() {
        judge_content(expect, response, mismatches);
    }
}

fn judge_content(
    expect: &LaneExpectation,
    response: &RecordedResponse,
    mismatches: &mut Vec<Mismatch>,
) {
    if let Some(cut) = cut_mismatch("content", response.body.as_ref()) {
        mismatches.push(cut);
        return;
    }
    let octets = content_of(response);
    if let Some(body) = &expect.body {
        for unmet in body.unmet(&[octets]) {
            mismatches.push(Mismatch::new("content", unmet, show_octets(octets)));
        }
    }
    judge_json(&expect.json, octets, mismatches);
}

/// The octets of the content that were read.
pub(super) fn content_of(response: &RecordedResponse) -> &[u8] {
    match &response.body {
        Some(body) => &body.octets,
        None => &[],
    }
}

/// The difference that it makes if a text was cut: the rest could hold what is not expected.
pub(super) fn cut_mismatch(what: &str, body: Option<&RecordedBody>) -> Option<Mismatch> {
    let body = body?;
    body.cut_from?;
    let actual = format!("only its first {} octets: the rest was not read", body.octets.len());
    Some(Mismatch::new(what, "all of it", actual))
}

pub(super) fn judge_fields(
    what: &str,
    expected: &BTreeMap<String, TextExpectation>,
    fields: &[RecordedField],
    mismatches: &mut Vec<Mismatch>,
) {
    for (name, expectation) in expected {
        let lines = lines_of(fields, name);
        for unmet in expectation.unmet(&lines) {
            mismatches.push(Mismatch::new(format!("{what} {name}"), unmet, show_lines(&lines)));
        }
    }
}

fn judge_json(expected: &BTreeMap<String, Value>, octets: &[u8], mismatches: &mut Vec<Mismatch>) {
    if expected.is_empty() {
        return;
    }
    let content: Value = match serde_json::from_slice(octets) {
        Ok(content) => content,
        Err(error) => {
            let actual = format!("{} ({error})", show_octets(octets));
            mismatches.push(Mismatch::new("content", "JSON", actual));
            return;
        }
    };
    for (pointer, value) in expected {
        let found = content.pointer(pointer);
        if found != Some(value) {
            let actual = found.map_or_else(|| "nothing there".to_owned(), Value::to_string);
            mismatches.push(Mismatch::new(format!("JSON at {pointer}"), value.to_string(), actual));
        }
    }
}

/// The values of all field lines of this name.
pub(super) fn lines_of<'f>(fields: &'f [RecordedField], name: &str) -> Vec<&'f [u8]> {
    let mut lines = Vec::new();
    for RecordedField(own, value) in fields {
        if own.eq_ignore_ascii_case(name) {
            lines.push(value.as_bytes());
        }
    }
    lines
}

pub(super) fn show_lines(lines: &[&[u8]]) -> String {
    if lines.is_empty() {
        return "no such field".to_owned();
    }
    let shown: Vec<String> = lines.iter().map(|line| show_octets(line)).collect();
    shown.join(" and ")
}

/// At most 200 characters of a text, in quotes.
pub(super) fn show_octets(octets: &[u8]) -> String {
    const LIMIT: usize = 200;
    let text = String::from_utf8_lossy(octets);
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{:?}… ({} octets)", &text[..end], octets.len()),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests;
