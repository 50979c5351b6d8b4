//! TAP 14: a plan line, a line for each case, and a YAML block where it fell short.

use std::fmt::Write;

use upshift_record::suite::{CaseAddress, CaseOutcome, CaseVerdict};

/// The report. Planned cases without an outcome are `not ok` in it.
pub fn tap_report(planned: &[CaseAddress], outcomes: &[CaseOutcome]) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", planned.len());
    for (place, address) in planned.iter().enumerate() {
        let outcome = outcomes.iter().find(|outcome| outcome.address == *address);
        push_case(&mut text, place + 1, address, outcome);
    }
    text
}

fn push_case(
    text: &mut String,
    number: usize,
    address: &CaseAddress,
    outcome: Option<&CaseOutcome>,
) {
    let description = escape_description(&address.to_string());
    let verdict = outcome.and_then(CaseOutcome::last_try).map(|last| &last.verdict);
    let mut lines = Vec::new();
    let (ok, directive) = match verdict {
        Some(CaseVerdict::Passed) => ("ok", String::new()),
        Some(CaseVerdict::Skipped(why)) => ("ok", format!(" # SKIP {}", one_line(why))),
        Some(CaseVerdict::Failed(mismatches)) => {
            lines.extend(mismatches.iter().map(ToString::to_string));
            ("not ok", String::new())
        }
        Some(CaseVerdict::Errored(why)) => {
            lines.push(why.clone());
            ("not ok", String::new())
        }
        None => {
            lines.push("the run ended before this case".to_owned());
            ("not ok", String::new())
        }
    };
    let flaky = outcome.is_some_and(CaseOutcome::is_flaky);
    let note = if flaky { " (flaky)" } else { "" };
    // Writing to a string does not fail.
    let _ = writeln!(text, "{ok} {number} - {description}{note}{directive}");
    if lines.is_empty() {
        return;
    }
    text.push_str("  ---\n  mismatches:\n");
    for line in lines {
        // A JSON string is a YAML string, whatever it contains.
        let _ = writeln!(text, "    - {}", serde_json::Value::String(line));
    }
    text.push_str("  ...\n");
}

/// `#` begins a directive, and `\` escapes it.
fn escape_description(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('#', "\\#")
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
