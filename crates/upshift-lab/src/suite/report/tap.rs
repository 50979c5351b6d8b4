//! TAP 14: a plan line, a line for each case, and a YAML block where it fell short.

use std::fmt::Write;

use serde_json::{Value, json};
use upshift_record::suite::{CaseState, RunCase, RunRecord};

/// The report. Planned cases without an outcome are `not ok` in it.
pub fn tap_report(record: &RunRecord) -> String {
    let cases = record.cases();
    let mut text = format!("TAP version 14\n1..{}\n", cases.len());
    for (place, case) in cases.iter().enumerate() {
        push_case(&mut text, place + 1, case);
    }
    text
}

fn push_case(text: &mut String, number: usize, case: &RunCase<'_>) {
    let state = case.state();
    let ok = if state.falls_short() { "not ok" } else { "ok" };
    let flaky = if state == CaseState::Flaky { " (flaky)" } else { "" };
    let directive = match state {
        CaseState::Skipped(why) => format!(" # SKIP {}", one_line(why)),
        _ => String::new(),
    };
    let description = escape_description(&case.address.to_string());
    // Writing to a string does not fail.
    let _ = writeln!(text, "{ok} {number} - {description}{flaky}{directive}");
    if state.falls_short() || state == CaseState::Flaky {
        push_diagnostics(text, case);
    }
}

fn push_diagnostics(text: &mut String, case: &RunCase<'_>) {
    text.push_str("  ---\n");
    let state = case.state();
    let severity = match state {
        CaseState::Failed(_) => "fail",
        CaseState::Flaky => "comment",
        _ => "error",
    };
    push_pair(text, "severity", &severity.into());
    push_pair(text, "message", &state.reasons().join("\n").into());
    if let CaseState::Failed(mismatches) = state {
        text.push_str("  mismatches:\n");
        for one in mismatches {
            let pair = json!({ "what": one.what, "wanted": one.expected, "found": one.actual });
            let _ = writeln!(text, "    - {pair}");
        }
    }
    push_notes(text, case);
    push_pair(text, "tries", &case.tries().len().into());
    let place = json!({ "file": case.address.suite, "line": case.line() });
    push_pair(text, "at", &place);
    push_pair(text, "replay", &case.replay_command().into());
    text.push_str("  ...\n");
}

/// The notes that fail the case.
fn push_notes(text: &mut String, case: &RunCase<'_>) {
    let Some(last) = case.tries().last() else { return };
    let mut failing = last.evidence.notes.iter().filter(|note| note.fails).peekable();
    if failing.peek().is_none() {
        return;
    }
    text.push_str("  notes:\n");
    for note in failing {
        let finding = &note.finding;
        let note =
            json!({ "id": finding.note, "message": finding.message, "source": finding.source });
        let _ = writeln!(text, "    - {note}");
    }
}

/// All JSON is valid YAML.
fn push_pair(text: &mut String, key: &str, value: &Value) {
    let _ = writeln!(text, "  {key}: {value}");
}

/// `#` begins a directive, and `\` escapes it.
fn escape_description(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('#', "\\#")
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
