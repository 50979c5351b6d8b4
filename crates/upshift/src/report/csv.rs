//! The numbers of each label as CSV (RFC 4180).

use upshift_record::adoption::{AdoptionReport, LabelCounts, RuleAdoption};

const HEAD: &str = "rule,dimension,label,requests,callers,behind_requests,behind_callers\r\n";

/// One line for each rule, dimension and label, and for each point of a series.
pub(super) fn render_csv(report: &AdoptionReport) -> String {
    let mut text = HEAD.to_owned();
    push_labels(&mut text, "", "http", &report.http);
    push_labels(&mut text, "", "tls", &report.tls);
    for rule in &report.rules {
        push_rule(&mut text, rule);
    }
    text
}

fn push_rule(text: &mut String, rule: &RuleAdoption) {
    for (dimension, labels) in [
        ("verdict", &rule.verdicts),
        ("version", &rule.versions),
        ("client", &rule.clients),
        ("http", &rule.http),
        ("tls", &rule.tls),
    ] {
        push_labels(text, &rule.rule, dimension, labels);
    }
    for point in &rule.series {
        let labels = LabelCounts {
            label: point.from.clone(),
            total: point.total,
            behind: point.behind,
            callers_below: None,
        };
        push_labels(text, &rule.rule, "time", &[labels]);
    }
}

fn push_labels(text: &mut String, rule: &str, dimension: &str, labels: &[LabelCounts]) {
    for LabelCounts { label, total, behind, .. } in labels {
        text.push_str(&format!(
            "{},{dimension},{},{},{},{},{}\r\n",
            quote(rule),
            quote(label),
            total.requests,
            callers_field(total.callers),
            behind.requests,
            callers_field(behind.callers)
        ));
    }
}

/// A number of callers as a field of CSV, which is empty if they are not known.
fn callers_field(callers: Option<u64>) -> String {
    callers.map(|callers| callers.to_string()).unwrap_or_default()
}

/// A value as a field of CSV. Clients choose some labels: a spreadsheet must not run them as a
/// formula.
fn quote(value: &str) -> String {
    let is_formula = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guard = if is_formula { "'" } else { "" };
    if is_formula || value.contains([',', '"', '\r', '\n']) {
        return format!("\"{guard}{}\"", value.replace('"', "\"\""));
    }
    value.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_quoted_and_never_formulas() {
        assert_eq!(quote("1.4"), "1.4");
        assert_eq!(quote("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quote("=1+1"), "\"'=1+1\"");
    }
}
