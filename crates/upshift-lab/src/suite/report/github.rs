//! GitHub Actions: annotations on the log, and a summary of the step.

use std::collections::BTreeMap;
use std::fmt::Write;

use upshift_record::Lane;
use upshift_record::suite::{CaseOutcome, CaseVerdict, RunSummary};

use super::list_mismatches;

/// GitHub shows at most ten annotations of a kind for each step.
const MOST_ANNOTATIONS: usize = 10;

/// Workflow commands, one a line, for the cases that fell short. `line_of` returns the line of a
/// case in its suite, from 1.
pub fn github_annotations(
    outcomes: &[CaseOutcome],
    line_of: &dyn Fn(&CaseOutcome) -> usize,
) -> String {
    let mut text = String::new();
    let mut left_out = 0;
    let mut written = 0;
    for outcome in outcomes {
        let Some(message) = complaint(outcome) else { continue };
        // One is kept for the count of the others.
        if written == MOST_ANNOTATIONS - 1 {
            left_out += 1;
            continue;
        }
        written += 1;
        let file = escape_property(&outcome.address.suite);
        let title = escape_property(&outcome.address.to_string());
        let line = line_of(outcome);
        let message = escape_data(&message);
        // Writing to a string does not fail.
        let _ = writeln!(text, "::error file={file},line={line},title={title}::{message}");
    }
    if left_out > 0 {
        let _ = writeln!(text, "::error title=upshift test::{left_out} more cases fell short");
    }
    text
}

/// Markdown for `$GITHUB_STEP_SUMMARY`: the numbers, and a table of cases by lane.
pub fn github_summary(summary: &RunSummary, outcomes: &[CaseOutcome]) -> String {
    let mut text = format!(
        "### upshift test: {} of {} passed, {} failed, {} errors, {} skipped, {} flaky\n\n",
        summary.passed,
        summary.planned,
        summary.failed,
        summary.errored,
        summary.skipped,
        summary.flaky
    );
    let mut rows: BTreeMap<(&str, &str), Vec<&CaseOutcome>> = BTreeMap::new();
    for outcome in outcomes {
        let row = (outcome.address.suite.as_str(), outcome.address.id.as_str());
        rows.entry(row).or_default().push(outcome);
    }
    let mut lanes: Vec<Option<Lane>> = outcomes.iter().map(|one| one.address.lane).collect();
    lanes.sort_unstable();
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
            let outcome = row.iter().find(|outcome| outcome.address.lane == *lane);
            let _ = write!(text, " {} |", outcome.map_or("", |outcome| outcome.mark()));
        }
        text.push('\n');
    }
    text
}

fn complaint(outcome: &CaseOutcome) -> Option<String> {
    match &outcome.last_try()?.verdict {
        CaseVerdict::Failed(mismatches) => Some(list_mismatches(mismatches)),
        CaseVerdict::Errored(why) => Some(why.clone()),
        CaseVerdict::Passed | CaseVerdict::Skipped(_) => None,
    }
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
    text.replace('|', "\\|")
}
