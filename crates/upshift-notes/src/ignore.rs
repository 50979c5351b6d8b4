//! Findings that are left out on purpose: for a stated reason, and until a stated day.
//!
//! ```toml
//! [[ignore]]
//! note   = "U021"
//! path   = "/legacy/*"
//! reason = "libgit2 is fixed in March"
//! until  = 2027-03-31
//! ```

use std::fmt;

use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;
use upshift_record::{Finding, RecordedExchange};

use crate::{Note, find_note};

/// The entries of a file of ignores.
#[derive(Clone, Debug, Default)]
pub struct Ignores {
    entries: Vec<Ignore>,
}

/// One note that is ignored, in some exchanges or in all.
#[derive(Clone, Debug)]
pub struct Ignore {
    /// The note.
    pub note: &'static Note,
    /// The pattern of the request's path without its query, in which `*` is any text; all paths if
    /// there is none.
    pub path: Option<String>,
    /// The pattern of the URL; all URLs if there is none.
    pub url: Option<String>,
    /// The reason.
    pub reason: String,
    /// The last day on which it holds.
    pub until: Date,
}

/// An error in a file of ignores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoreError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IgnoreFile {
    #[serde(default)]
    ignore: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    note: Spanned<String>,
    path: Option<String>,
    url: Option<String>,
    reason: Spanned<String>,
    until: Spanned<toml::value::Datetime>,
}

impl Ignores {
    /// Reads a file.
    ///
    /// # Errors
    /// If it is not TOML, has an unknown key or note, or an entry lacks its reason or its end. The
    /// error names the line.
    pub fn parse(text: &str) -> Result<Self, IgnoreError> {
        let file: IgnoreFile =
            toml::from_str(text).map_err(|error| IgnoreError(error.to_string()))?;
        let mut ignores = Self::default();
        for entry in file.ignore {
            ignores.entries.push(read_entry(entry, text)?);
        }
        Ok(ignores)
    }

    /// Adds an entry.
    pub fn add(&mut self, entry: Ignore) {
        self.entries.push(entry);
    }

    /// The entries whose last day is before `today`. They ignore nothing any more.
    pub fn expired(&self, today: Date) -> impl Iterator<Item = &Ignore> {
        self.entries.iter().filter(move |entry| entry.until < today)
    }

    /// The entry that ignores a finding, if there is one.
    pub fn find(
        &self,
        finding: &Finding,
        exchange: &RecordedExchange,
        today: Date,
    ) -> Option<&Ignore> {
        let mut entries = self.entries.iter();
        entries.find(|entry| entry.until >= today && entry.applies_to(finding, exchange))
    }
}

impl Ignore {
    fn applies_to(&self, finding: &Finding, exchange: &RecordedExchange) -> bool {
        if self.note.id() != finding.note {
            return false;
        }
        let url = exchange.url.clone().unwrap_or_default();
        let target = match &exchange.request {
            Some(request) => request.target.to_text(),
            None => url.clone(),
        };
        let path_fits = self.path.as_ref().is_none_or(|path| matches(path, path_of(&target)));
        path_fits && self.url.as_ref().is_none_or(|pattern| matches(pattern, &url))
    }
}

fn read_entry(entry: Entry, text: &str) -> Result<Ignore, IgnoreError> {
    let note = find_note(entry.note.get_ref())
        .map_err(|error| error_at(text, entry.note.span().start, &error))?;
    if entry.reason.get_ref().trim().is_empty() {
        let start = entry.reason.span().start;
        return Err(error_at(text, start, &"`reason` is empty: say why it is ignored"));
    }
    let until = entry.until.get_ref().to_string();
    let Ok(until) = until.parse::<Date>() else {
        let start = entry.until.span().start;
        return Err(error_at(text, start, &"`until` is a day, as in `until = 2027-03-31`"));
    };
    let reason = entry.reason.into_inner();
    Ok(Ignore { note, path: entry.path, url: entry.url, reason, until })
}

fn error_at(text: &str, offset: usize, message: &dyn fmt::Display) -> IgnoreError {
    let line = text[..offset].matches('\n').count() + 1;
    IgnoreError(format!("line {line}: {message}"))
}

/// The path of a request target in any form, without its query.
fn path_of(target: &str) -> &str {
    let path = match target.split_once("://") {
        Some((_, after)) => after.find('/').map_or("/", |start| &after[start..]),
        None => target,
    };
    path.split(['?', '#']).next().unwrap_or_default()
}

/// Returns true if the text fits the pattern, in which `*` is any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        // A `*` follows, so the first place is as good as a later one.
        let Some((_, after)) = text.split_once(part) else { return false };
        text = after;
    }
    text.ends_with(last)
}

impl fmt::Display for IgnoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for IgnoreError {}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use jiff::civil::date;

    use super::*;
    use crate::examine;
    use crate::reader::{Format, read};

    const FILE: &str = "[[ignore]]\nnote = 'u001'\npath = '/old/*'\nreason = 'moves in March'\n\
                        until = 2027-03-31\n";

    fn is_ignored(target: &str, today: Date) -> bool {
        let text = format!("GET {target} HTTP/1.1\n\nHTTP/1.1 426 Upgrade Required\n\nNo.");
        let recordings = read(text.as_bytes(), Format::Text).unwrap();
        let exchange = &recordings[0].exchange;
        let findings = examine(exchange);
        let finding = findings.iter().find(|finding| finding.note == "U001").unwrap();
        Ignores::parse(FILE).unwrap().find(finding, exchange, today).is_some()
    }

    #[test]
    fn an_ignore_is_for_its_paths_and_until_its_day() {
        assert!(is_ignored("/old/a?b", date(2027, 3, 31)));
        assert!(is_ignored("http://a.example/old/b", date(2026, 1, 1)));
        assert!(!is_ignored("/old/a", date(2027, 4, 1)));
        assert!(!is_ignored("/new", date(2026, 1, 1)));
        let ignores = Ignores::parse(FILE).unwrap();
        assert_eq!(ignores.expired(date(2027, 4, 1)).count(), 1);
        assert_eq!(ignores.expired(date(2027, 3, 31)).count(), 0);
    }

    #[test]
    fn patterns_have_any_text_for_a_star() {
        for (pattern, text) in [("*", ""), ("/a*c", "/abc"), ("*b*", "abc"), ("/a", "/a")] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("/a", "/ab"), ("/a*c", "/ab"), ("*x*", "abc"), ("a*b*c", "acb")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn an_ignore_needs_a_note_a_reason_and_an_end() {
        for (wrong, says) in [
            (FILE.replace("u001", "u0O1"), "line 2: there is no note `u0O1`; did you mean `U001`?"),
            (FILE.replace("moves in March", " "), "line 4: `reason` is empty"),
            (FILE.replace("reason = 'moves in March'\n", ""), "missing field `reason`"),
            (FILE.replace("until = 2027-03-31\n", ""), "missing field `until`"),
            (FILE.replace("2027-03-31", "2027-03-31T10:00:00Z"), "line 5: `until` is a day"),
            (FILE.replace("path", "paht"), "unknown field `paht`"),
        ] {
            let error = Ignores::parse(&wrong).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
