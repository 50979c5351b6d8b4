//! The evidence for an auditor as one file, which needs no gateway and no network to be read, and
//! can be printed.

use maud::{Markup, html};
use upshift_record::adoption::RequestCounts;
use upshift_record::evidence::{
    EvidenceReport, ExemptionAbsence, ExemptionEvidence, LabelEvidence, PolicyRevisionRecord,
    RecordGap, RuleEvidence, StandingCounts,
};
use upshift_record::policy::PolicyRecord;

use crate::layout::{Delivery, Page};
use crate::link::rule_anchor;
use crate::table::{Column, Table, number_cell, text_cell};
use crate::time_text::{second_element, timed_sentence};

/// The columns of a table of counts, after its first.
const COUNT_COLUMNS: [&str; 7] =
    ["Requests", "Callers", "Met it", "Did not meet it", "Unknown", "Refused", "Exempt"];

/// Renders the evidence.
pub fn render_evidence(report: &EvidenceReport) -> String {
    let main = html! {
        h1 { "Evidence" }
        (strip(report))
        (chain_section(report))
        (gap_section(&report.gaps))
        (traffic_section(report))
        @for rule in &report.rules { (rule_part(rule)) }
        (exemption_section(&report.exemptions))
        (revision_section(&report.revisions))
        (policy_section(&report.policies))
    };
    let footer = html! {
        p { "Made by " code { "upshift report --evidence" } " at " (second_element(&report.now)) "." }
    };
    Page { title: "Evidence", delivery: Delivery::File, main, footer }.render_html()
}

fn strip(report: &EvidenceReport) -> Markup {
    html! {
        dl.strip {
            div { dt { "Period" } dd { (period(&report.from, &report.to)) } }
            @if let Some(begin) = &report.records_begin {
                div { dt { "Records begin" } dd { (second_element(begin)) } }
            }
            div {
                dt { "Requests" }
                dd #total-requests data-requests=(report.traffic.counts.total.requests) {
                    (number_cell(report.traffic.counts.total.requests))
                }
            }
        }
    }
}

fn period(from: &str, to: &str) -> Markup {
    html! { (second_element(from)) " – " (second_element(to)) }
}

fn chain_section(report: &EvidenceReport) -> Markup {
    let chain = &report.chain;
    html! {
        section aria-labelledby="chain" {
            h2 #chain { "Chain of policy revisions" }
            p { strong { (timed_sentence(&chain.sentence)) } " It begins with " (chain.origin) "." }
            @if !chain.faults.is_empty() {
                ul { @for fault in &chain.faults { li { (fault.problem) } } }
            }
            @if let (Some(last), Some(head)) = (chain.last, &chain.head) {
                p { "Head: revision " (last) ", " code.hash { (head) } }
            }
        }
    }
}

fn gap_section(gaps: &[RecordGap]) -> Markup {
    let mut rows = Vec::new();
    for gap in gaps {
        let known = html! { span.prose { (timed_sentence(&gap.sentence)) } };
        rows.push(vec![period(&gap.from, &gap.to), text_cell(&gap.kind), known]);
    }
    let columns = [Column::text("Time"), Column::text("Kind"), Column::text("Known")];
    html! {
        section aria-labelledby="gaps" {
            h2 #gaps { "Gaps of the records" }
            @if rows.is_empty() {
                p { "None in this period." }
            } @else {
                (table("Gaps of the records", &columns, rows))
            }
        }
    }
}

fn table(caption: &str, columns: &[Column<'_>], rows: Vec<Vec<Markup>>) -> Markup {
    Table { caption, hides_caption: true, columns, rows }.render()
}

fn traffic_section(report: &EvidenceReport) -> Markup {
    let traffic = &report.traffic;
    html! {
        section aria-labelledby="traffic" {
            h2 #traffic { "All requests" }
            p { "Counted from " (second_element(&traffic.from)) " to " (second_element(&traffic.to)) "." }
            (counts_table("All requests", &traffic.counts, (&traffic.http, &traffic.tls)))
        }
    }
}

/// A table of all requests, and of those by version of HTTP and TLS.
fn counts_table(
    caption: &str,
    all: &StandingCounts,
    (http, tls): (&[LabelEvidence], &[LabelEvidence]),
) -> Markup {
    let mut rows = vec![counts_row("all", all)];
    for label in http {
        rows.push(counts_row(&format!("HTTP {}", label.label), &label.counts));
    }
    for label in tls {
        rows.push(counts_row(&format!("TLS {}", label.label), &label.counts));
    }
    let mut columns = vec![Column::text("Version")];
    columns.extend(COUNT_COLUMNS.map(Column::number));
    table(caption, &columns, rows)
}

fn counts_row(label: &str, counts: &StandingCounts) -> Vec<Markup> {
    let StandingCounts { total, meets, behind, unknown, refused, exempt } = counts;
    let mut row = vec![text_cell(label), number_cell(total.requests), number_cell(total.callers)];
    for RequestCounts { requests, .. } in [meets, behind, unknown, refused, exempt] {
        row.push(number_cell(*requests));
    }
    row
}

fn rule_part(rule: &RuleEvidence) -> Markup {
    let anchor = rule_anchor(&rule.rule);
    html! {
        article.rule-part aria-labelledby=(anchor) {
            h2 id=(anchor) { "Rule " (rule.rule) }
            p { strong { (timed_sentence(&rule.statement)) } }
            (counts_table(
                &format!("Requests of {}", rule.rule),
                &rule.counts,
                (&rule.http, &rule.tls),
            ))
            h3 { "Phases" }
            (phase_table(rule))
            @if !rule.interruptions.is_empty() {
                h3 { "Interruptions" }
                (interruption_table(rule))
            }
            h3 { "Requirement" }
            (definition_table(rule))
            @if !rule.refused_versions.is_empty() {
                h3 { "Refused, by version" }
                (version_table(rule))
            }
        }
    }
}

fn phase_table(rule: &RuleEvidence) -> Markup {
    let columns = ["Time", "Phase", "Event", "Reason"].map(Column::text);
    let mut rows = Vec::new();
    for span in &rule.phases {
        rows.push(vec![
            period(&span.from, &span.to),
            text_cell(&span.phase),
            html! { span.prose { (span.event_text()) " (policy revision " (span.revision) ")" } },
            reason_cell(span.reason_text()),
        ]);
    }
    table(&format!("Phases of {}", rule.rule), &columns, rows)
}

fn interruption_table(rule: &RuleEvidence) -> Markup {
    let columns = ["Time", "Kind", "By", "Reason"].map(Column::text);
    let mut rows = Vec::new();
    for interruption in &rule.interruptions {
        rows.push(vec![
            period(&interruption.from, &interruption.to),
            prose_cell(&interruption.kind_text()),
            text_cell(interruption.actor.as_deref().unwrap_or_default()),
            prose_cell(interruption.reason_text().unwrap_or_default()),
        ]);
    }
    table(&format!("Interruptions of {}", rule.rule), &columns, rows)
}

fn definition_table(rule: &RuleEvidence) -> Markup {
    let mut columns = Vec::from(["Time", "Requirement", "Applies to"].map(Column::text));
    columns.push(Column::number("Seconds enforced"));
    let mut rows = Vec::new();
    for definition in &rule.definitions {
        rows.push(vec![
            period(&definition.from, &definition.to),
            prose_cell(&definition.requirement),
            prose_cell(&definition.applies_to),
            number_cell(definition.enforced_seconds),
        ]);
    }
    table(&format!("Requirement of {}", rule.rule), &columns, rows)
}

fn version_table(rule: &RuleEvidence) -> Markup {
    let columns = [Column::text("Version"), Column::number("Requests"), Column::number("Callers")];
    let mut rows = Vec::new();
    for counts in &rule.refused_versions {
        rows.push(vec![
            text_cell(&counts.version),
            number_cell(counts.refused.requests),
            number_cell(counts.refused.callers),
        ]);
    }
    table(&format!("Refused requests of {}", rule.rule), &columns, rows)
}

fn exemption_section(exemptions: &[ExemptionEvidence]) -> Markup {
    let heads = ["Exemption", "Owner", "Reason", "Rules", "Applies to", "Since", "End"];
    let mut columns = Vec::from(heads.map(Column::text));
    columns.push(Column::number("Requests"));
    let rows = exemptions.iter().map(exemption_row).collect();
    html! {
        section aria-labelledby="exemptions" {
            h2 #exemptions { "Exemptions" }
            (table("Exemptions", &columns, rows))
        }
    }
}

fn exemption_row(exemption: &ExemptionEvidence) -> Vec<Markup> {
    let rules = match exemption.rules.as_slice() {
        [] => "all".to_owned(),
        rules => rules.join(", "),
    };
    let since = html! {
        (second_element(&exemption.since))
        @if exemption.may_be_older { " or earlier" }
        @for ExemptionAbsence { from, to } in &exemption.absences {
            ", not from " (second_element(from)) " to " (second_element(to))
        }
    };
    let end = match (&exemption.ended, &exemption.expires) {
        (Some(ended), _) => html! { "ended " (second_element(ended)) },
        (None, Some(expires)) => second_element(expires),
        (None, None) => html! { "none" },
    };
    vec![
        text_cell(&exemption.exemption),
        text_cell(&exemption.owner),
        prose_cell(&exemption.reason),
        text_cell(&rules),
        prose_cell(&exemption.applies_to),
        since,
        end,
        number_cell(exemption.requests.requests),
    ]
}

fn revision_section(revisions: &[PolicyRevisionRecord]) -> Markup {
    let columns = ["Revision", "Time", "Event", "Reason", "Policy file", "Hash"].map(Column::text);
    let mut rows = Vec::new();
    for revision in revisions {
        let file = revision.file.as_ref().map(|file| file.digest.as_str());
        rows.push(vec![
            html! { (revision.revision) },
            second_element(&revision.at),
            event_cell(revision),
            reason_cell(revision.reason_text()),
            html! { code.hash { (file.unwrap_or_default()) } },
            html! { code.hash { (revision.hash) } },
        ]);
    }
    html! {
        section aria-labelledby="revisions" {
            h2 #revisions { "Policy revisions" }
            (table("Policy revisions", &columns, rows))
        }
    }
}

fn event_cell(revision: &PolicyRevisionRecord) -> Markup {
    html! {
        div.prose {
            @if let Some(change) = &revision.change { "change " code { (change.id) } ": " }
            (revision.event_text())
            @if !revision.policy_changes.is_empty() {
                ul { @for change in &revision.policy_changes { li { (change) } } }
            }
        }
    }
}

fn reason_cell(reason: Option<&str>) -> Markup {
    prose_cell(reason.unwrap_or("–"))
}

/// A text of any length, which wraps.
fn prose_cell(text: &str) -> Markup {
    html! { span.prose { (text) } }
}

fn policy_section(policies: &[PolicyRecord]) -> Markup {
    let columns = ["Policy file", "Rules", "Exemptions"].map(Column::text);
    let mut rows = Vec::new();
    for policy in policies {
        let rules: Vec<&str> = policy.rules.iter().map(|rule| rule.id.as_str()).collect();
        let exemptions: Vec<&str> =
            policy.exemptions.iter().map(|exemption| exemption.id.as_str()).collect();
        rows.push(vec![
            html! { code.hash { (policy.file) } },
            text_cell(&rules.join(", ")),
            text_cell(&exemptions.join(", ")),
        ]);
    }
    html! {
        section aria-labelledby="policies" {
            h2 #policies { "Policies" }
            (table("Policies", &columns, rows))
        }
    }
}

#[cfg(test)]
mod tests {
    use upshift_record::evidence::{ChainRecord, TrafficEvidence};

    use super::*;

    fn report() -> EvidenceReport {
        let counts = StandingCounts {
            total: RequestCounts { requests: 1_204, callers: Some(7) },
            ..StandingCounts::default()
        };
        EvidenceReport {
            now: "2026-11-30T00:00:05Z".into(),
            from: "2026-11-01T00:00:00Z".into(),
            to: "2026-11-30T00:00:05Z".into(),
            records_begin: None,
            chain: ChainRecord {
                sentence: "The chain is intact.".into(),
                ..ChainRecord::default()
            },
            gaps: vec![],
            rules: vec![RuleEvidence {
                rule: "<script>".into(),
                statement: "TLS 1.2 or later".into(),
                enforced_since: None,
                enforced_seconds: 0,
                interruptions: vec![],
                phases: vec![],
                definitions: vec![],
                counts,
                refused_versions: vec![],
                http: vec![LabelEvidence { label: "<b>".into(), counts }],
                tls: vec![],
            }],
            exemptions: vec![],
            traffic: TrafficEvidence { counts, ..TrafficEvidence::default() },
            revisions: vec![],
            policies: vec![],
        }
    }

    #[test]
    fn the_file_is_self_contained_and_escapes_all_texts() {
        let page = render_evidence(&report());
        assert!(page.contains("data-requests=\"1204\"") && page.contains("1,204"), "{page}");
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
        assert!(page.contains("HTTP &lt;b&gt;"), "{page}");
        assert!(!page.contains("href=\"http") && !page.contains("src="), "{page}");
        assert!(page.contains("1 Nov 2026</time> – "), "{page}");
    }

    /// A section and the scrolling region of its table are landmarks, whose names must differ.
    #[test]
    fn a_table_is_not_named_as_its_section_is() {
        let page = render_evidence(&report());
        let mut regions = Vec::new();
        for region in page.split("role=\"region\" aria-label=\"").skip(1) {
            let (name, _) = region.split_once('"').unwrap_or_default();
            assert!(!page.contains(&format!(">{name}</h2>")), "{name}");
            assert!(!regions.contains(&name), "{name}");
            regions.push(name);
        }
        assert!(regions.contains(&"Table: Exemptions"), "{regions:?}");
    }
}
