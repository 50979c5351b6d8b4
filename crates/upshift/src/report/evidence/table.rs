//! The evidence for a terminal, 80 columns wide.

use upshift_record::evidence::{
    ChainRecord, EvidenceReport, ExemptionAbsence, ExemptionEvidence, LabelEvidence,
    PolicyRevisionRecord, RuleDefinition, RuleEvidence, StandingCounts,
};

use super::super::table::wrapped;
use crate::terminal::{Hue, Palette, counted, grouped, minute_text};

/// The most lines of one list.
const MAX_LINES: usize = 12;

/// The whole report.
pub(super) fn render_evidence(report: &EvidenceReport, palette: Palette) -> String {
    let (from, to) = (second_text(&report.from), second_text(&report.to));
    let mut text = format!("Evidence from {from} to {to}\n");
    text.push_str(&render_chain(&report.chain, palette));
    for gap in &report.gaps {
        let (from, to) = (second_text(&gap.from), second_text(&gap.to));
        text.push_str(&wrapped("gap", &format!("{from} to {to}: {}", gap.sentence)));
    }
    let traffic = &report.traffic;
    text.push_str(&format!("\n{}\n", palette.paint(Hue::Bold, "All requests")));
    text.push_str(&render_counts(&traffic.counts));
    text.push_str(&render_labels("HTTP", &traffic.http));
    text.push_str(&render_labels("TLS", &traffic.tls));
    for rule in &report.rules {
        text.push_str(&format!("\n{}\n", palette.paint(Hue::Bold, &rule.rule)));
        text.push_str(&render_rule(rule));
    }
    text.push_str(&render_exemptions(&report.exemptions, palette));
    text.push_str(&render_revisions(&report.revisions, palette));
    text
}

fn render_chain(chain: &ChainRecord, palette: Palette) -> String {
    let hue = if chain.intact { Hue::Good } else { Hue::Bad };
    let mut text = format!("  {:<10} {}\n", "chain", palette.paint(hue, &chain.sentence));
    for fault in &chain.faults {
        text.push_str(&wrapped("", &fault.problem));
    }
    text.push_str(&wrapped("begins with", &chain.origin));
    if let (Some(last), Some(head)) = (chain.last, &chain.head) {
        // On one line, to be copied.
        text.push_str(&format!("  {:<10} {last} {head}\n", "head"));
    }
    text
}

fn render_rule(rule: &RuleEvidence) -> String {
    let mut text = wrapped("statement", &rule.statement);
    text.push_str(&render_definitions(&rule.definitions));
    text.push_str(&render_counts(&rule.counts));
    text.push_str(&render_labels("HTTP", &rule.http));
    text.push_str(&render_labels("TLS", &rule.tls));
    let mut title = "phases";
    for span in rule.phases.iter().take(MAX_LINES) {
        let (from, to) = (second_text(&span.from), second_text(&span.to));
        let event = with_reason(span.event_text(), span.reason_text());
        let line = format!("{from} to {to} {}: {event}", span.phase);
        text.push_str(&wrapped(title, &line));
        title = "";
    }
    text.push_str(&more_lines(rule.phases.len()));
    let mut title = "breaks";
    for interruption in rule.interruptions.iter().take(MAX_LINES) {
        let (from, to) = (second_text(&interruption.from), second_text(&interruption.to));
        let kind = interruption.kind_text();
        let line = with_reason(format!("{from} to {to} {kind}"), interruption.given_reason());
        text.push_str(&wrapped(title, &line));
        title = "";
    }
    text.push_str(&more_lines(rule.interruptions.len()));
    text
}

/// The requirements that the rule had.
fn render_definitions(definitions: &[RuleDefinition]) -> String {
    let (mut text, mut title) = (String::new(), "requires");
    for definition in definitions.iter().take(MAX_LINES) {
        let (from, to) = (second_text(&definition.from), second_text(&definition.to));
        let RuleDefinition { requirement, applies_to, enforced_seconds, .. } = definition;
        let line = format!(
            "{from} to {to} {requirement}, for {applies_to}: enforced for {}",
            counted(*enforced_seconds, "second")
        );
        text.push_str(&wrapped(title, &line));
        title = "";
    }
    text.push_str(&more_lines(definitions.len()));
    text
}

fn render_counts(counts: &StandingCounts) -> String {
    let StandingCounts { total, meets, behind, unknown, refused, exempt } = counts;
    let line = format!(
        "{} of {}: {} met the requirement, {} did not, {} unknown; {} refused, {} exempt",
        counted(total.requests, "request"),
        counted(total.callers, "caller"),
        grouped(meets.requests),
        grouped(behind.requests),
        grouped(unknown.requests),
        grouped(refused.requests),
        grouped(exempt.requests)
    );
    wrapped("requests", &line)
}

fn render_labels(title: &str, labels: &[LabelEvidence]) -> String {
    let mut texts = Vec::new();
    for label in labels {
        let requests = grouped(label.counts.total.requests);
        let refused = grouped(label.counts.refused.requests);
        texts.push(format!("{} {requests} ({refused} refused)", label.label));
    }
    if texts.is_empty() { String::new() } else { wrapped(title, &texts.join(", ")) }
}

fn render_exemptions(exemptions: &[ExemptionEvidence], palette: Palette) -> String {
    let mut text = format!("\n{}\n", palette.paint(Hue::Bold, "Exemptions"));
    let (builtin, written): (Vec<_>, Vec<_>) =
        exemptions.iter().partition(|exemption| exemption.expires.is_none());
    for exemption in written {
        let end = match (&exemption.ended, &exemption.expires) {
            (Some(ended), _) => format!(", ended {}", minute_text(ended)),
            (None, Some(expires)) => format!(", until {}", minute_text(expires)),
            (None, None) => String::new(),
        };
        let absences = absences_text(&exemption.absences);
        let line = format!(
            "{}, for {} of {}: {} ({}), since {}{absences}{end}; {} admitted",
            exemption.exemption,
            exemption.applies_to,
            rules_text(&exemption.rules),
            exemption.reason,
            exemption.owner,
            minute_text(&exemption.since),
            counted(exemption.requests.requests, "request")
        );
        text.push_str(&wrapped("", &line));
    }
    let mut names = Vec::new();
    for ExemptionEvidence { exemption, requests, .. } in builtin {
        names.push(format!("{exemption} ({})", counted(requests.requests, "request")));
    }
    if !names.is_empty() {
        text.push_str(&wrapped("built in", &names.join(", ")));
    }
    text
}

fn absences_text(absences: &[ExemptionAbsence]) -> String {
    let mut text = String::new();
    for ExemptionAbsence { from, to } in absences {
        text.push_str(&format!(", not from {} to {}", second_text(from), second_text(to)));
    }
    text
}

fn render_revisions(revisions: &[PolicyRevisionRecord], palette: Palette) -> String {
    let mut text = format!("\n{}\n", palette.paint(Hue::Bold, "Policy revisions"));
    for revision in revisions.iter().take(MAX_LINES) {
        let event = with_reason(revision.event_text(), revision.reason_text());
        let change = match &revision.change {
            Some(change) => format!("change {}: ", change.id),
            None => String::new(),
        };
        let line = format!("{} {change}{event}", second_text(&revision.at));
        text.push_str(&wrapped(&revision.revision.to_string(), &line));
        for change in &revision.policy_changes {
            text.push_str(&wrapped("", &format!("– {change}")));
        }
    }
    text.push_str(&more_lines(revisions.len()));
    text
}

fn rules_text(rules: &[String]) -> String {
    match rules {
        [] => "all rules".to_owned(),
        [rule] => format!("rule {rule}"),
        rules => format!("the rules {}", rules.join(", ")),
    }
}

fn with_reason(event: String, reason: Option<&str>) -> String {
    match reason {
        Some(reason) => format!("{event} ({reason})"),
        None => event,
    }
}

/// A time of the report, to the second.
fn second_text(time: &str) -> String {
    match time.split_once('.') {
        Some((second, _)) => format!("{second}Z"),
        None => time.to_owned(),
    }
}

fn more_lines(count: usize) -> String {
    if count <= MAX_LINES {
        return String::new();
    }
    format!("  {:<10} and {} more (see --json)\n", "", count - MAX_LINES)
}
