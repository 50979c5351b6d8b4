//! The findings as SARIF 2.1.0.

use serde_json::{Value, json};
use upshift_notes::all_notes;
use upshift_record::{LintFinding, LintReport, LintedExchange};

use crate::sarif::{self, kind_of, level_of, physical_location, rule_of_note};

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
    let rules: Vec<Value> = all_notes().iter().map(|note| rule_of_note(note)).collect();
    sarif::sarif_log("upshift lint", &rules, &results)
}

fn result_of(exchange: &LintedExchange, found: &LintFinding) -> Value {
    let finding = &found.finding;
    let index = all_notes().iter().position(|note| note.id() == finding.note);
    let field = finding.field.as_ref().map(|field| format!("/{field}")).unwrap_or_default();
    let place = format!("exchange {}/{}{field}", exchange.number, finding.place);
    json!({
        "ruleId": finding.note,
        "ruleIndex": index,
        "kind": kind_of(finding.level),
        "level": level_of(finding.level),
        "message": { "text": finding.message },
        "locations": [{
            "physicalLocation": physical_location(&exchange.file, found.line),
            "logicalLocations": [{ "fullyQualifiedName": place }],
        }],
    })
}
