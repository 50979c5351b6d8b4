//! `[Asserts]` and `[Captures]` of Hurl, in the words of a suite.

use regex::bytes::Regex;
use serde_json::Value;

use crate::suite::draft::hurl::{HurlContent, HurlLine, without_comment};
use crate::suite::draft::secret_fields::{is_secret_field, is_secret_member};
use crate::suite::draft::secret_text::has_secret;
use crate::suite::draft::suite_draft::DraftRemark;
use crate::suite::model::{Capture, LaneExpectation};
use crate::suite::predicate::{Predicate, TextExpectation};
use crate::suite::status::StatusExpectation;

/// Adds asserts to an expectation.
pub(super) struct AssertReader<'r> {
    pub(super) expect: LaneExpectation,
    /// The asserts that a suite has no words for.
    pub(super) remarks: &'r mut Vec<DraftRemark>,
}

/// An assert: the value that is looked at, and the predicate in words.
#[derive(Debug, PartialEq)]
struct Assert {
    query: Query,
    predicate: String,
}

/// A value of a response.
#[derive(Debug, PartialEq)]
enum Query {
    Status,
    Version,
    Header(String),
    Body,
    Json(String),
}

impl AssertReader<'_> {
    /// Adds the assert of a line, or a remark.
    pub(super) fn read(&mut self, line: &HurlLine) {
        let text = without_comment(&line.text);
        let assert = parse_assert(&text).filter(|assert| !assert.shows_secret());
        let is_known = assert.is_some_and(|assert| self.add(assert).is_some());
        if !is_known {
            self.remarks.push(line.remark_in("Asserts"));
        }
    }

    /// Expects the content of a response.
    pub(super) fn read_content(&mut self, content: Option<&(usize, HurlContent)>) {
        match content {
            None => {}
            Some((_, HurlContent::Text(text, None)))
                if !text.contains("{{") && !has_secret(text) =>
            {
                self.expect.body = Some(TextExpectation::equal_to(text));
            }
            Some((number, HurlContent::Text(text, _) | HurlContent::Other(text))) => {
                let first = text.lines().next().unwrap_or_default().to_owned();
                self.remarks.push(HurlLine { number: *number, text: first }.remark());
            }
        }
    }

    fn add(&mut self, assert: Assert) -> Option<()> {
        let predicate = assert.predicate.as_str();
        match assert.query {
            Query::Status => {
                let code = predicate.strip_prefix("== ")?.parse().ok()?;
                self.expect.status = Some(StatusExpectation::code(code));
            }
            Query::Version => {
                self.expect.version = Some(string_of(predicate.strip_prefix("== ")?)?);
            }
            Query::Header(name) if predicate == "not exists" => self.expect.absent.push(name),
            Query::Header(name) => {
                let more = TextExpectation::of(text_predicate(predicate)?);
                self.expect.fields.entry(name).or_default().add(more)?;
            }
            Query::Body => {
                let more = TextExpectation::of(text_predicate(predicate)?);
                self.expect.body.get_or_insert_default().add(more)?;
            }
            Query::Json(pointer) => {
                let value: Value = serde_json::from_str(predicate.strip_prefix("== ")?).ok()?;
                if value.is_null() {
                    return None;
                }
                self.expect.json.insert(pointer, value);
            }
        }
        Some(())
    }
}

impl Assert {
    /// Returns true if the expected value is a secret, which a suite does not have.
    fn shows_secret(&self) -> bool {
        let predicate = self.predicate.as_str();
        let is_bare = ["exists", "not exists"].contains(&predicate);
        if is_bare || predicate.starts_with("count ") {
            return false;
        }
        match &self.query {
            Query::Status | Query::Version => false,
            Query::Header(name) => {
                let value = value_in(predicate);
                is_secret_field(name, &value) || has_secret(&value)
            }
            Query::Json(pointer) => is_secret_member(pointer) || has_secret(predicate),
            Query::Body => has_secret(&value_in(predicate)),
        }
    }
}

/// The value of a predicate: what follows its words.
fn value_in(predicate: &str) -> String {
    let start = predicate.find(['"', '/']).unwrap_or_default();
    let value = &predicate[start..];
    string_of(value).unwrap_or_else(|| value.trim_matches('/').to_owned())
}

/// Reads a line of `[Captures]`: the name, and the value that is kept.
pub(super) fn parse_capture(line: &str) -> Option<(String, Capture)> {
    let text = without_comment(line);
    let (name, query) = text.split_once(':')?;
    let capture = match parse_query(query.trim())? {
        (Query::Header(name), "") => Capture::Field(name),
        (Query::Json(pointer), "") => Capture::Json(pointer),
        _ => return None,
    };
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_name { Some((name.to_owned(), capture)) } else { None }
}

fn parse_assert(text: &str) -> Option<Assert> {
    let (query, predicate) = parse_query(text)?;
    if predicate.contains("{{") {
        return None;
    }
    Some(Assert { query, predicate: predicate.to_owned() })
}

/// Reads a query at the start of a text, and returns what follows it.
fn parse_query(text: &str) -> Option<(Query, &str)> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match word {
        "status" => Some((Query::Status, rest.trim())),
        "version" => Some((Query::Version, rest.trim())),
        "body" => Some((Query::Body, rest.trim())),
        "header" => {
            let (name, rest) = quoted(rest.trim())?;
            Some((Query::Header(name), rest))
        }
        "jsonpath" => {
            let (path, rest) = quoted(rest.trim())?;
            Some((Query::Json(pointer_of(&path)?), rest))
        }
        _ => None,
    }
}

/// A string in quotes at the start of a text, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut is_escaped = false;
    for (place, character) in inner.char_indices() {
        match character {
            '"' if !is_escaped => {
                let string = string_of(&text[..place + 2])?;
                return Some((string, inner[place + 1..].trim()));
            }
            _ => is_escaped = character == '\\' && !is_escaped,
        }
    }
    None
}

/// A string in quotes.
fn string_of(text: &str) -> Option<String> {
    // The escapes of Hurl are those of JSON, except `\#` and `\u{…}`.
    serde_json::from_str(&text.replace("\\#", "#")).ok()
}

/// A JSON Pointer for `$.a.b[0]['c']`; `None` for a path that may have several results.
fn pointer_of(path: &str) -> Option<String> {
    let mut pointer = String::new();
    let mut rest = path.strip_prefix('$')?;
    while !rest.is_empty() {
        let (name, behind) = if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            after.split_at(end)
        } else {
            let (inner, behind) = rest.strip_prefix('[')?.split_once(']')?;
            (inner.trim_matches(['\'', '"']), behind)
        };
        let is_name = name.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
        // `..`, `*`, filters, slices and negative indices.
        if name.is_empty() || !is_name || name.starts_with('-') {
            return None;
        }
        pointer.push('/');
        pointer.push_str(name);
        rest = behind;
    }
    Some(pointer)
}

fn text_predicate(text: &str) -> Option<Predicate> {
    if text == "exists" {
        return pattern("(?s).*");
    }
    let (is_not, text) = match text.strip_prefix("not ") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (word, value) = text.split_once(' ')?;
    let value = value.trim();
    match (is_not, word) {
        (false, "==") => Some(Predicate::Equals(string_of(value)?)),
        (false, "contains") => Some(Predicate::Contains(string_of(value)?)),
        (true, "contains") => Some(Predicate::Lacks(string_of(value)?)),
        (false, "startsWith") => pattern(&format!("(?s)^{}", regex::escape(&string_of(value)?))),
        (false, "endsWith") => pattern(&format!("(?s){}$", regex::escape(&string_of(value)?))),
        (false, "matches") => pattern(&pattern_text(value)?),
        (false, "count") => Some(Predicate::Count(value.strip_prefix("== ")?.parse().ok()?)),
        _ => None,
    }
}

/// `"text"`, or `/text/` in which `\/` is a slash.
fn pattern_text(text: &str) -> Option<String> {
    match text.strip_prefix('/') {
        Some(inner) => Some(inner.strip_suffix('/')?.replace("\\/", "/")),
        None => string_of(text),
    }
}

fn pattern(text: &str) -> Option<Predicate> {
    Regex::new(text).ok().map(Predicate::Matches)
}
