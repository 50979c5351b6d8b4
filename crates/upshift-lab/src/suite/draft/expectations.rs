//! The expectation that a recorded exchange suggests.

use regex::bytes::Regex;
use upshift_core::field::UpgradeList;
use upshift_record::{RecordedExchange, RecordedField, RecordedResponse};

use super::secret_text::has_secret;
use crate::suite::model::LaneExpectation;
use crate::suite::predicate::{Predicate, TextExpectation};
use crate::suite::status::StatusExpectation;

/// Expects the status, and the fields that tell why: those of a 426, of a switch, of a redirect and
/// of a deprecation.
pub(super) fn expectation_of(exchange: &RecordedExchange) -> LaneExpectation {
    let mut expect = LaneExpectation::default();
    // HAR has only one response, which may be a 101.
    let (switch, last) = match &exchange.response {
        Some(response) if response.status == 101 => (Some(response), None),
        response => (None, response.as_ref()),
    };
    let interim: Vec<&RecordedResponse> = exchange.interim.iter().chain(switch).collect();
    let codes: Vec<u16> = interim.iter().map(|response| response.status).collect();
    if codes.contains(&101) {
        expect.interim = Some(codes);
    }
    for response in interim.iter().filter(|response| response.status == 101) {
        let fields = expect.interim_fields.entry("101".to_owned()).or_default();
        if let Some(upgrade) = value_of(&response.fields, "upgrade") {
            fields.insert("Upgrade".to_owned(), TextExpectation::equal_to(&upgrade));
        }
    }
    if let Some(response) = last {
        expect_response(&mut expect, response);
    }
    expect
}

fn expect_response(expect: &mut LaneExpectation, response: &RecordedResponse) {
    expect.status = Some(StatusExpectation::code(response.status));
    if response.status == 426 {
        expect_refusal(expect, response);
    }
    if (300..400).contains(&response.status) {
        copy_field(expect, response, "Location");
    }
    for name in ["Deprecation", "Sunset"] {
        copy_field(expect, response, name);
    }
}

/// RFC 9110 §15.5.22: a 426 names the protocols in `Upgrade`, and §7.8 `Connection` names that.
fn expect_refusal(expect: &mut LaneExpectation, response: &RecordedResponse) {
    if let Some(upgrade) = value_of(&response.fields, "upgrade") {
        expect.fields.insert("Upgrade".to_owned(), expect_protocols(&upgrade));
    }
    let connection = value_of(&response.fields, "connection").unwrap_or_default();
    if connection.split(',').any(|option| option.trim().eq_ignore_ascii_case("upgrade")) {
        let token = Predicate::Token("upgrade".to_owned());
        expect.fields.insert("Connection".to_owned(), TextExpectation::of(token));
    }
    if let Some(kind) = value_of(&response.fields, "content-type") {
        let media_type = kind.split(';').next().unwrap_or_default().trim();
        let part = Predicate::Contains(media_type.to_owned());
        expect.fields.insert("Content-Type".to_owned(), TextExpectation::of(part));
    }
}

/// Expects each protocol of an `Upgrade`. A value that is no list is expected as it stands.
pub(super) fn expect_protocols(upgrade: &str) -> TextExpectation {
    let Ok(list) = UpgradeList::parse(std::iter::once(upgrade.as_bytes())) else {
        return TextExpectation::equal_to(upgrade);
    };
    let mut expect = TextExpectation::default();
    for protocol in list.protocols() {
        // Any number of members may be expected.
        let _ = expect.add(TextExpectation::of(Predicate::Token(protocol.to_string())));
    }
    expect
}

fn copy_field(expect: &mut LaneExpectation, response: &RecordedResponse, name: &str) {
    if let Some(value) = value_of(&response.fields, name) {
        expect.fields.insert(name.to_owned(), expect_value(&value));
    }
}

/// Expects a value without its secrets: of a URL only what is before the query and the fragment.
pub(super) fn expect_value(value: &str) -> TextExpectation {
    if !has_secret(value) {
        return TextExpectation::equal_to(value);
    }
    let start = value.split(['?', '#']).next().unwrap_or_default();
    if has_secret(start) {
        return TextExpectation::of(Predicate::Count(1));
    }
    match Regex::new(&format!("^{}(?:[?#]|$)", regex::escape(start))) {
        Ok(pattern) => TextExpectation::of(Predicate::Matches(pattern)),
        // Only a URL beyond the limit of a pattern.
        Err(_) => TextExpectation::of(Predicate::Count(1)),
    }
}

/// The values of all lines of a field, joined as in a list (RFC 9110 §5.3).
pub(super) fn value_of(fields: &[RecordedField], wanted: &str) -> Option<String> {
    let mut values = Vec::new();
    for RecordedField(name, value) in fields {
        if name.eq_ignore_ascii_case(wanted) {
            values.push(value.to_text());
        }
    }
    if values.is_empty() { None } else { Some(values.join(", ")) }
}
