//! The report of a probe as one file, which needs no network to be read.

use maud::{Markup, html};
use upshift_record::probe::{
    HopFinding, ProbeNote, ProbeOutcome, ProbeReport, ProbeRow, Promise, PromiseVerdict,
};
use upshift_record::{NoteLevel, RecordedExchange, RecordedField, RecordedResponse};

use crate::layout::{Delivery, Page};
use crate::table::{Column, Table};
use crate::visible_text::{visible_content, with_code};

/// Renders the report.
pub fn render_probe(report: &ProbeReport) -> String {
    let main = html! {
        h1 { "Probe of " (report.url) }
        (strip(report))
        section aria-labelledby="matrix" {
            h2 #matrix { "Lanes" }
            (matrix("The answer over each lane", &report.lanes))
        }
        @if !report.extras.is_empty() {
            section aria-labelledby="extras" {
                h2 #extras { "Old versions and unknown protocols" }
                (matrix("The answer to each further question", &report.extras))
            }
        }
        @if !report.promises.is_empty() { (promises_section(&report.promises)) }
        @if !report.hops.is_empty() { (hops_section(&report.hops)) }
        @if !report.notes.is_empty() { (notes_section(&report.notes)) }
        (exchanges_section(report))
    };
    let footer = html! { p { "Made by " code { "upshift probe --html" } "." } };
    let title = format!("Probe of {}", report.url);
    Page { title: &title, delivery: Delivery::File, main, footer }.render_html()
}

fn strip(report: &ProbeReport) -> Markup {
    html! {
        dl.strip {
            @if let Some(cleartext) = &report.cleartext {
                div { dt { "Cleartext" } dd { (cleartext) } }
            }
            @if let Some(tls) = &report.tls {
                div { dt { "TLS and QUIC" } dd { (tls) } }
            }
            @if let Some(certificate) = &report.certificate {
                div {
                    dt { "Certificate" }
                    dd {
                        @match &certificate.problem {
                            None => (badge("good", "trusted")),
                            Some(problem) => {
                                (badge("warning", "not trusted")) " " span.soft { (problem) }
                            }
                        }
                    }
                }
            }
            div { dt { "Connections" } dd { (report.connections) } }
            div { dt { "Time" } dd { (time_text(report.elapsed_ms)) } }
        }
    }
}

fn badge(kind: &str, text: &str) -> Markup {
    html! { span.badge.(kind) { (text) } }
}

fn matrix(caption: &str, rows: &[ProbeRow]) -> Markup {
    const COLUMNS: [Column<'_>; 5] = [
        Column::text("Question"),
        Column::text("Outcome"),
        Column::text("Status"),
        Column::text("Asks for, switches to, or why not"),
        Column::number("Time"),
    ];
    let mut cells = Vec::new();
    for row in rows {
        cells.push(vec![
            html! { code { (row.question) } },
            badge(outcome_kind(row), row.outcome.as_str()),
            html! { (statuses(row)) },
            detail(row),
            html! { @if let Some(elapsed) = row.elapsed_ms { (time_text(elapsed)) } },
        ]);
    }
    Table { caption, hides_caption: true, columns: &COLUMNS, rows: cells }.render()
}

fn outcome_kind(row: &ProbeRow) -> &'static str {
    match (row.outcome, row.status) {
        (ProbeOutcome::NotAsked | ProbeOutcome::Declined, _) => "quiet",
        (ProbeOutcome::Failed, _) => "danger",
        (ProbeOutcome::Accepted, _) => "warning",
        (ProbeOutcome::Answered, Some(400..)) => "warning",
        (ProbeOutcome::Answered | ProbeOutcome::Switched, _) => "good",
    }
}

fn statuses(row: &ProbeRow) -> String {
    let Some(exchange) = &row.exchange else { return String::new() };
    let mut statuses = Vec::new();
    for response in exchange.interim.iter().chain(&exchange.response) {
        statuses.push(response.status.to_string());
    }
    statuses.join(", ")
}

fn detail(row: &ProbeRow) -> Markup {
    html! {
        span.prose {
            @if let Some(protocol) = &row.switched_to { "→ " code { (protocol) } }
            @else if let Some(reason) = &row.reason { (reason) }
            @else if !row.upgrade.is_empty() { code { (row.upgrade.join(", ")) } }
            @for remark in &row.remarks { " " span.soft { (remark) } }
        }
    }
}

fn promises_section(promises: &[Promise]) -> Markup {
    const COLUMNS: [Column<'_>; 4] = [
        Column::text("Promise"),
        Column::text("Verdict"),
        Column::text("Evidence"),
        Column::text("Made by"),
    ];
    let mut rows = Vec::new();
    for promise in promises {
        let kind = match promise.verdict {
            PromiseVerdict::Delivered => "good",
            PromiseVerdict::NotDelivered => "danger",
            PromiseVerdict::NotChecked => "quiet",
        };
        rows.push(vec![
            html! { code { (promise.what) } },
            badge(kind, promise.verdict.as_str()),
            html! { span.prose { (promise.evidence) } },
            html! {
                span.prose { (promise.sources.join(", ")) " in " (promise.made_by.join(", ")) }
            },
        ]);
    }
    let table = Table { caption: "Promises", hides_caption: true, columns: &COLUMNS, rows };
    html! {
        section aria-labelledby="promises" {
            h2 #promises { "Promises" }
            (table.render())
        }
    }
}

fn level_badge(level: NoteLevel) -> Markup {
    let kind = match level {
        NoteLevel::Good => "good",
        NoteLevel::Info => "quiet",
        NoteLevel::Warn => "warning",
        NoteLevel::Error => "danger",
    };
    badge(kind, level.as_str())
}

fn hops_section(hops: &[HopFinding]) -> Markup {
    html! {
        section aria-labelledby="hops" {
            h2 #hops { "Between you and the server" }
            ul.rules {
                @for hop in hops {
                    li.rule-row {
                        div.rule-share {
                            p { (level_badge(hop.level)) " " (hop.summary) }
                            @for evidence in &hop.evidence { p.soft { (with_code(evidence)) } }
                        }
                    }
                }
            }
        }
    }
}

fn notes_section(notes: &[ProbeNote]) -> Markup {
    html! {
        section aria-labelledby="notes" {
            h2 #notes { "Notes" }
            ul.rules {
                @for note in notes {
                    li.rule-row {
                        div.rule-share {
                            p {
                                (level_badge(note.level)) " " code { (note.note) } " "
                                (with_code(&note.message))
                            }
                            p.soft { (note.source) " · " (note.questions.join(", ")) }
                        }
                    }
                }
            }
        }
    }
}

fn exchanges_section(report: &ProbeReport) -> Markup {
    html! {
        section aria-labelledby="exchanges" {
            h2 #exchanges { "Exchanges" }
            @for row in report.rows() {
                @if let Some(exchange) = &row.exchange {
                    details {
                        summary { (row.question) }
                        pre.octets tabindex="0" { (exchange_text(exchange)) }
                    }
                }
            }
        }
    }
}

/// The exchange as text: the request, interim responses, the final response and its body.
fn exchange_text(exchange: &RecordedExchange) -> String {
    let mut text = String::new();
    if let Some(request) = &exchange.request {
        let line = format!("{} {} HTTP/{}\n", request.method, request.target, request.version);
        text.push_str(&line);
        push_fields(&mut text, &request.fields);
    }
    for response in exchange.interim.iter().chain(&exchange.response) {
        text.push('\n');
        push_response(&mut text, response);
    }
    if let Some(error) = &exchange.error {
        text.push_str(&format!("\n({error})\n"));
    }
    text
}

fn push_response(text: &mut String, response: &RecordedResponse) {
    let reason = response.reason.as_ref().map(ToString::to_string).unwrap_or_default();
    let line = format!("HTTP/{} {} {reason}", response.version, response.status);
    text.push_str(line.trim_end());
    text.push('\n');
    push_fields(text, &response.fields);
    if let Some(body) = &response.body
        && !body.octets.is_empty()
    {
        text.push('\n');
        text.push_str(&visible_content(&body.octets));
        text.push('\n');
    }
}

fn push_fields(text: &mut String, fields: &[RecordedField]) {
    for RecordedField(name, value) in fields {
        text.push_str(&format!("{name}: {value}\n"));
    }
}

fn time_text(milliseconds: f64) -> String {
    if milliseconds < 1000.0 {
        format!("{milliseconds:.1} ms")
    } else {
        format!("{:.2} s", milliseconds / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    #[test]
    fn what_a_server_says_is_escaped() {
        let json = serde_json::json!({
            "schema": "upshift.probe/1", "url": "http://a.example/<b>", "cleartext": "a.example:80",
            "tls": null, "connections": 2, "elapsed_ms": 1.5, "certificate": null, "extras": [],
            "notes": [],
            "lanes": [{"question": "h1.1", "outcome": "answered", "status": 426,
                "upgrade": ["<i>"], "elapsed_ms": 0.5,
                "exchange": {"schema": "upshift.exchange/1", "response": {"status": 426,
                    "version": "1.1", "fields": [["X", "<script>"]], "body": {"text": "<p>"}}}}],
            "promises": [{"what": "<i>", "sources": ["Upgrade"], "made_by": ["h1.1"],
                "verdict": "not-delivered", "evidence": "x"}],
            "hops": [{"id": "via", "level": "info", "summary": "s", "evidence": ["<e>"]}],
        });
        let report: ProbeReport = serde_json::from_value(json).unwrap();
        let page = render_probe(&report);
        for raw in ["<i>", "<b>", "<script>", "<e>", "<p></p>"] {
            assert!(!page.contains(raw), "{raw}");
        }
        assert!(page.contains("advertised, not delivered") && page.contains("&lt;script&gt;"));
    }
}
