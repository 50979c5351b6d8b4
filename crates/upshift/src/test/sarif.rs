//! A run as SARIF 2.1.0: a result for each case that fell short or was flaky, and for each note.
//!
//! The location is the case in its suite. A note in a linted file has that file instead.

use serde_json::{Value, json};
use upshift_notes::all_notes;
use upshift_record::NoteLevel;
use upshift_record::suite::{CaseNote, CaseState, RunCase, RunRecord};

use crate::sarif::{self, kind_of, level_of, physical_location, rule_of_note};

/// The rules of cases, before those of the notes.
const CASE_RULES: [(&str, &str, &str); 4] = [
    ("case-failed", "error", "The response or the client is not as the suite expects."),
    ("case-error", "error", "The case could not be judged."),
    ("case-not-run", "error", "The run ended before this case."),
    ("case-flaky", "warning", "The case passed, but not at the first try."),
];

/// A log with one run.
pub(super) fn sarif_log(run: &RunRecord) -> Value {
    let mut rules = Vec::new();
    for (id, level, text) in CASE_RULES {
        rules.push(json!({
            "id": id,
            "shortDescription": { "text": text },
            "defaultConfiguration": { "level": level },
        }));
    }
    rules.extend(all_notes().iter().map(|note| rule_of_note(note)));
    let mut results = Vec::new();
    for case in run.cases() {
        results.extend(case_result(&case));
        results.extend(note_results(&case));
    }
    sarif::sarif_log("upshift test", &rules, &results)
}

fn case_result(case: &RunCase<'_>) -> Option<Value> {
    let index = match case.state() {
        CaseState::Passed | CaseState::Skipped(_) => return None,
        CaseState::Failed(_) => 0,
        CaseState::Errored(_) | CaseState::Unplanned => 1,
        CaseState::NotRun => 2,
        CaseState::Flaky => 3,
    };
    let (rule, level, text) = CASE_RULES[index];
    let mut reasons = case.state().reasons();
    if reasons.is_empty() {
        reasons.push(text.to_owned());
    }
    let message = format!("{}\n{}", reasons.join("\n"), case.replay_command());
    Some(json!({
        "ruleId": rule,
        "ruleIndex": index,
        "kind": "fail",
        "level": level,
        "message": { "text": message },
        "locations": [location(case, &case.address.suite, case.line())],
    }))
}

/// The notes of the last try; good ones change nothing, and are left out.
fn note_results(case: &RunCase<'_>) -> Vec<Value> {
    let Some(last) = case.tries().last() else { return Vec::new() };
    let notes = &last.evidence.notes;
    let shown = notes.iter().filter(|note| note.finding.level > NoteLevel::Good);
    shown.map(|note| note_result(case, note)).collect()
}

fn note_result(case: &RunCase<'_>, note: &CaseNote) -> Value {
    let finding = &note.finding;
    let index = all_notes().iter().position(|known| known.id() == finding.note);
    let (file, line) = match &note.file {
        Some(file) => place_of(file),
        None => (case.address.suite.as_str(), case.line()),
    };
    let mut result = json!({
        "ruleId": finding.note,
        "ruleIndex": index.map(|index| index + CASE_RULES.len()),
        "kind": kind_of(finding.level),
        "level": level_of(finding.level),
        "message": { "text": finding.message },
        "locations": [location(case, file, line)],
    });
    if let Some(reason) = &note.ignored {
        result["suppressions"] = json!([
            { "kind": "external", "status": "accepted", "justification": reason }
        ]);
    }
    result
}

/// The file and the line of `captures/a.http:12`.
fn place_of(place: &str) -> (&str, Option<usize>) {
    match place.rsplit_once(':') {
        Some((file, line)) if line.parse::<usize>().is_ok() => (file, line.parse().ok()),
        _ => (place, None),
    }
}

fn location(case: &RunCase<'_>, file: &str, line: Option<usize>) -> Value {
    json!({
        "physicalLocation": physical_location(file, line),
        "logicalLocations": [{ "fullyQualifiedName": case.address.to_string() }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_file_and_a_line() {
        assert_eq!(place_of("a/b.http:12"), ("a/b.http", Some(12)));
        assert_eq!(place_of("a:b.har"), ("a:b.har", None));
    }
}
