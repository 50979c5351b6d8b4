//! The text of a case, as a person would write it.

use upshift_record::Lane;

use super::draft_case::DraftCase;
use crate::suite::model::{Capture, FailOn, LaneExpectation};
use crate::suite::request_text::RequestText;
use crate::suite::toml_text::{toml_key, toml_string, toml_strings};

/// The longest line that an expectation may have. A longer one gets a line for each part.
const LONGEST_LINE: usize = 100;

/// The lines of a comment.
pub(super) fn comment_text(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines {
        // A control character ends the comment, or is not allowed in it.
        let shown = line.replace(char::is_control, " ");
        text.push_str(format!("# {shown}").trim_end());
        text.push('\n');
    }
    text
}

/// A `[[probe]]`, with its comment.
pub(super) fn case_text(case: &DraftCase) -> String {
    let mut text = comment_text(&case.comment);
    text.push_str("[[probe]]\n");
    push_pair(&mut text, "id", &toml_string(&case.id));
    push_pair(&mut text, "req", &request_value(&case.request));
    if !case.lanes.is_empty() {
        let lanes = toml_strings(case.lanes.iter().map(|lane| lane.as_str()));
        push_pair(&mut text, "lanes", &lanes);
    }
    for (lane, expect) in &case.expect {
        push_expectation(&mut text, *lane, expect);
    }
    for (name, capture) in &case.capture {
        let value = match capture {
            Capture::Field(field) => format!("{{ field = {} }}", toml_string(field)),
            Capture::Json(pointer) => format!("{{ json = {} }}", toml_string(pointer)),
        };
        text.push_str(&format!("capture.{} = {value}\n", toml_key(name)));
    }
    text
}

fn push_pair(text: &mut String, key: &str, value: &str) {
    text.push_str(&format!("{key:<5} = {value}\n"));
}

/// A string of one line, or a literal block with the whole request.
fn request_value(request: &RequestText) -> String {
    let mut text = format!("{} {}", request.method, request.target);
    if request.fields.is_empty() && request.body.is_empty() {
        return toml_string(&text);
    }
    for (name, value) in &request.fields {
        text.push_str(format!("\n{name}: {value}").trim_end_matches(' '));
    }
    text.push('\n');
    if !request.body.is_empty() {
        text.push_str(&format!("\n{}\n", request.body));
    }
    if text.contains("'''") || text.contains(is_illegal_in_literal) {
        return toml_string(&text);
    }
    format!("'''\n{text}'''")
}

fn is_illegal_in_literal(character: char) -> bool {
    character.is_control() && character != '\n' && character != '\t'
}

fn push_expectation(text: &mut String, lane: Option<Lane>, expect: &LaneExpectation) {
    let key =
        format!("expect.{}", lane.map_or_else(|| toml_string("*"), |lane| toml_key(lane.as_str())));
    let pairs = expectation_pairs(expect);
    let mut parts = Vec::new();
    for (key, value) in &pairs {
        parts.push(format!("{key} = {value}"));
    }
    let line = format!("{key} = {{ {} }}\n", parts.join(", "));
    if line.chars().count() <= LONGEST_LINE {
        text.push_str(&line);
        return;
    }
    for part in parts {
        text.push_str(&format!("{key}.{part}\n"));
    }
}

/// The keys of an expectation and their values, in the order of the documentation.
fn expectation_pairs(expect: &LaneExpectation) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    if let Some(status) = &expect.status {
        pairs.push(("status".to_owned(), status.to_toml()));
    }
    if let Some(version) = &expect.version {
        pairs.push(("version".to_owned(), toml_string(version)));
    }
    if let Some(interim) = &expect.interim {
        pairs.push(("interim".to_owned(), format!("{interim:?}")));
    }
    for (name, value) in &expect.fields {
        pairs.push((format!("fields.{}", toml_key(name)), value.to_toml()));
    }
    pairs.extend(interim_pairs(expect));
    if !expect.absent.is_empty() {
        let names = expect.absent.iter().map(String::as_str);
        pairs.push(("absent".to_owned(), toml_strings(names)));
    }
    if let Some(body) = &expect.body {
        pairs.push(("body".to_owned(), body.to_toml()));
    }
    for (pointer, value) in &expect.json {
        // TOML has no null, and no draft expects one.
        if let Ok(value) = toml::Value::try_from(value) {
            pairs.push((format!("json.{}", toml_string(pointer)), value.to_string()));
        }
    }
    if expect.fail_on == Some(FailOn::None) {
        pairs.push(("fail-on".to_owned(), toml_string("none")));
    }
    if expect.skip_if_unsupported {
        pairs.push(("skip-if-unsupported".to_owned(), "true".to_owned()));
    }
    pairs
}

fn interim_pairs(expect: &LaneExpectation) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (code, fields) in &expect.interim_fields {
        for (name, value) in fields {
            let key = format!("interim-fields.{}.{}", toml_string(code), toml_key(name));
            pairs.push((key, value.to_toml()));
        }
    }
    pairs
}
