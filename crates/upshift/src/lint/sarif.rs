//! The findings as SARIF 2.1.0, for GitHub code scanning and other viewers.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use upshift_notes::{Note, all_notes};
use upshift_record::{LintFinding, LintReport, LintedExchange, NoteLevel};

/// What RFC 3986 §2.3 leaves as it is, and the slash between segments.
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A log with one run. Ignored findings are in it as suppressed results.
pub(super) fn sarif_log(report: &LintReport) -> Value {
    let mut results = Vec::new();
    for exchange in &report.exchanges {
        for found in &exchange.findings {
            results.push(result_of(exchange, found));
        }
        for ignored in &exchange.ignored {
            let mut result = result_of(exchange, &ignored.finding);
            let justification = format!("{} (until {})", ignored.reason, ignored.until);
            result["suppressions"] = json!([
                { "kind": "external", "status": "accepted", "justification": justification }
            ]);
            results.push(result);
        }
    }
    let rules: Vec<Value> = all_notes().iter().map(|note| rule_of(note)).collect();
    let driver = json!({
        "name": "upshift lint",
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

fn rule_of(note: &Note) -> Value {
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

fn result_of(exchange: &LintedExchange, found: &LintFinding) -> Value {
    let finding = &found.finding;
    let index = all_notes().iter().position(|note| note.id() == finding.note);
    let field = finding.field.as_ref().map(|field| format!("/{field}")).unwrap_or_default();
    let place = format!("exchange {}/{}{field}", exchange.number, finding.place);
    let uri = utf8_percent_encode(&exchange.file, PATH).to_string();
    let mut physical = json!({ "artifactLocation": { "uri": uri } });
    if let Some(line) = found.line {
        physical["region"] = json!({ "startLine": line });
    }
    json!({
        "ruleId": finding.note,
        "ruleIndex": index,
        "kind": kind_of(finding.level),
        "level": level_of(finding.level),
        "message": { "text": finding.message },
        "locations": [{
            "physicalLocation": physical,
            "logicalLocations": [{ "fullyQualifiedName": place }],
        }],
    })
}

/// SARIF 2.1.0 §3.27.9: a result that is not a failure has the level `none`.
fn kind_of(level: NoteLevel) -> &'static str {
    if level == NoteLevel::Good { "pass" } else { "fail" }
}

fn level_of(level: NoteLevel) -> &'static str {
    match level {
        NoteLevel::Good => "none",
        NoteLevel::Info => "note",
        NoteLevel::Warn => "warning",
        NoteLevel::Error => "error",
    }
}
