//! GitHub Actions: annotations on the log, and a summary of the step.

use std::collections::BTreeMap;
use std::fmt::Write;

use upshift_record::Lane;
use upshift_record::number_text::counted;
use upshift_record::suite::{CaseState, RunCase, RunRecord};

/// GitHub shows at most ten annotations of a kind for each step.
const MOST_ANNOTATIONS: usize = 10;

/// The most cases whose differences the summary shows. GitHub cuts a summary at 1 MiB.
const MOST_DETAILS: usize = 50;

/// Workflow commands, one a line: an error for each case that fell short, and a warning for each
/// flaky one.
pub fn github_annotations(record: &RunRecord) -> String {
    let cases = record.cases();
    let (flaky, others): (Vec<&RunCase<'_>>, Vec<&RunCase<'_>>) =
        cases.iter().partition(|case| case.state() == CaseState::Flaky);
    let mut text = String::new();
    let short = others.into_iter().filter(|case| case.state().falls_short());
    push_annotations(&mut text, "error", &short.collect::<Vec<_>>(), "fell short");
    push_annotations(&mut text, "warning", &flaky, "passed at a later try");
    text
}

/// Markdown for `$GITHUB_STEP_SUMMARY`: the numbers, a table of cases by lane, and the differences.
pub fn github_summary(record: &RunRecord) -> String {
    let summary = record.summary();
    let mut text = format!(
        "### upshift test: {} of {} passed, {} failed, {}, {} skipped, {} flaky",
        summary.passed,
        summary.planned,
        summary.failed,
        counted(summary.errored as u64, "error"),
        summary.skipped,
        summary.flaky
    );
    if !summary.missing.is_empty() {
        // Writing to a string does not fail.
        let _ = write!(text, ", {} not run", summary.missing.len());
    }
    text.push_str("\n\n");
    let cases = record.cases();
    push_table(&mut text, &cases);
    push_details(&mut text, &cases);
    text
}

fn push_annotations(text: &mut String, command: &str, cases: &[&RunCase<'_>], others: &str) {
    // One is kept for the count of the others.
    let most = if cases.len() > MOST_ANNOTATIONS { MOST_ANNOTATIONS - 1 } else { MOST_ANNOTATIONS };
    for case in cases.iter().take(most) {
        let file = escape_property(&case.address.suite);
        let title = escape_property(&case.address.to_string());
        let line = match case.line() {
            Some(line) => format!("line={line},"),
            None => String::new(),
        };
        let mut message = visible_reasons(case);
        if case.state() == CaseState::Flaky {
            message.push(format!("passed at try {}", case.tries().len()));
        }
        message.push(case.replay_command());
        let message = escape_data(&message.join("\n"));
        let _ = writeln!(text, "::{command} file={file},{line}title={title}::{message}");
    }
    if cases.len() > most {
        let left_out = cases.len() - most;
        let _ = writeln!(text, "::{command} title=upshift test::{left_out} more cases {others}");
    }
}

fn push_table(text: &mut String, cases: &[RunCase<'_>]) {
    let mut rows: BTreeMap<(&str, &str), BTreeMap<Option<Lane>, &'static str>> = BTreeMap::new();
    let mut lanes: Vec<Option<Lane>> = Vec::new();
    for case in cases {
        let row = (case.address.suite.as_str(), case.address.id.as_str());
        rows.entry(row).or_default().insert(case.address.lane, case.state().word());
        lanes.push(case.address.lane);
    }
    // Cases without a lane come last.
    lanes.sort_by_key(|lane| (lane.is_none(), *lane));
    lanes.dedup();
    text.push_str("| case |");
    for lane in &lanes {
        let _ = write!(text, " {} |", lane.map_or("–", Lane::as_str));
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(lanes.len()));
    text.push('\n');
    for ((suite, id), row) in rows {
        let _ = write!(text, "| {} |", escape_cell(&format!("{suite}::{id}")));
        for lane in &lanes {
            let _ = write!(text, " {} |", row.get(lane).copied().unwrap_or_default());
        }
        text.push('\n');
    }
}

fn push_details(text: &mut String, cases: &[RunCase<'_>]) {
    let short: Vec<&RunCase<'_>> = cases.iter().filter(|case| case.state().falls_short()).collect();
    for case in short.iter().take(MOST_DETAILS) {
        let reasons = visible_reasons(case).join("\n");
        let command = case.replay_command();
        // A fence that is longer than any in the text is not ended by it.
        let fence = "`".repeat(longest_fence(&reasons).max(2) + 1);
        let address = escape_html(&case.address.to_string());
        let _ = write!(
            text,
            "\n<details><summary>{address}</summary>\n\n{fence}text\n{reasons}\n{command}\n{fence}\n\n</details>\n"
        );
    }
    if short.len() > MOST_DETAILS {
        let _ = writeln!(text, "\n{} more cases fell short.", short.len() - MOST_DETAILS);
    }
}

/// The reasons, each in one line. Servers and clients choose parts of them, and an end of a line could
/// begin a workflow command.
fn visible_reasons(case: &RunCase<'_>) -> Vec<String> {
    let reasons = case.state().reasons();
    reasons.iter().map(|reason| escape_controls(reason)).collect()
}

fn escape_controls(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

fn longest_fence(text: &str) -> usize {
    let runs = text.split(|character| character != '`').map(str::len);
    runs.max().unwrap_or_default()
}

/// Escapes the message of a workflow command.
fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a workflow command.
fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

fn escape_cell(text: &str) -> String {
    escape_html(text).replace('|', "\\|").replace(['\n', '\r'], " ")
}

fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
