//! SARIF 2.1.0, for GitHub code scanning and other viewers: what the logs of all verbs share.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use upshift_notes::Note;
use upshift_record::NoteLevel;

/// What RFC 3986 §2.3 leaves as it is, and the slash between segments.
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A log with one run of the verb `name`.
pub(crate) fn sarif_log(name: &str, rules: &[Value], results: &[Value]) -> Value {
    let driver = json!({
        "name": name,
        "version": env!("CARGO_PKG_VERSION"),
        "informationUri": env!("CARGO_PKG_REPOSITORY"),
        "rules": rules,
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "results": results }],
    })
}

/// A note as a rule.
pub(crate) fn rule_of_note(note: &Note) -> Value {
    let help = format!("{}\n\nSource: {}", note.why(), note.source());
    json!({
        "id": note.id(),
        "shortDescription": { "text": note.summary() },
        "fullDescription": { "text": note.why() },
        "help": { "text": help },
        "helpUri": note.source_url(),
        "defaultConfiguration": { "level": level_of(note.level()) },
    })
}

/// A place in a file, with its line if there is one.
pub(crate) fn physical_location(file: &str, line: Option<usize>) -> Value {
    let uri = utf8_percent_encode(file, PATH).to_string();
    let mut physical = json!({ "artifactLocation": { "uri": uri } });
    if let Some(line) = line {
        physical["region"] = json!({ "startLine": line });
    }
    physical
}

/// SARIF 2.1.0 §3.27.9: a result that is not a failure has the level `none`.
pub(crate) fn kind_of(level: NoteLevel) -> &'static str {
    if level == NoteLevel::Good { "pass" } else { "fail" }
}

/// The level of a note in the words of SARIF.
pub(crate) fn level_of(level: NoteLevel) -> &'static str {
    match level {
        NoteLevel::Good => "none",
        NoteLevel::Info => "note",
        NoteLevel::Warn => "warning",
        NoteLevel::Error => "error",
    }
}
