//! One case: the differences, the notes, the connections, and the command that runs it again.

use maud::{Markup, html};
use upshift_record::NoteLevel;
use upshift_record::suite::{
    CaseNote, CaseState, CaseTry, CaseVerdict, ClientRun, Mismatch, RunCase,
};

use super::connection::render_connections;
use super::placed_case::{PlacedCase, state_badge, time_text};
use crate::table::{Column, Table};
use crate::visible_text::{visible_content, visible_lines, with_code};

/// Renders a case. One that fell short is unfolded.
pub(super) fn render_case(placed: &PlacedCase<'_>) -> Markup {
    let case = &placed.case;
    let state = case.state();
    let address = visible_lines(&case.address.to_string());
    let is_open = state.falls_short() || state == CaseState::Flaky;
    html! {
        details.case open[is_open] {
            summary {
                h3 { code { (address) } }
                (state_badge(state))
            }
            // The target of links is inside, so that following one unfolds the case.
            div id={ "case-" (placed.number) } {
                (plan_of(case))
                @if case.tries().is_empty() {
                    @for reason in state.reasons() { p { (visible_lines(&reason)) } }
                }
                @for (index, one) in case.tries().iter().enumerate() {
                    @if case.tries().len() > 1 {
                        h4 { (format!("Try {} of {}", index + 1, case.tries().len())) }
                    }
                    (render_try(placed.number, index + 1, one))
                }
                p.hint { "To run it again with every octet shown:" }
                pre.octets.command tabindex="0" aria-label={ "Command for " (address) } {
                    (visible_lines(&case.replay_command()))
                }
            }
        }
    }
}

/// The action and the expectation in a line each, and the place in the suite.
fn plan_of(case: &RunCase<'_>) -> Markup {
    let Some(entry) = case.entry else { return Markup::default() };
    html! {
        dl.details {
            dt { "Asked" } dd { code { (visible_lines(&entry.action)) } }
            dt { "Expected" } dd { (visible_lines(&entry.expects)) }
            @if let Some(line) = case.line() {
                dt { "Line" } dd { (visible_lines(&case.address.suite)) ":" (line) }
            }
        }
    }
}

fn render_try(case: usize, number: usize, one: &CaseTry) -> Markup {
    let id = format!("case-{case}-try-{number}");
    let evidence = &one.evidence;
    html! {
        @match &one.verdict {
            CaseVerdict::Passed => p { "Everything was as expected, in " (time_text(one.took)) "." },
            CaseVerdict::Skipped(why) => p { "Left out: " (visible_lines(why)) },
            CaseVerdict::Errored(why) => p.error { (visible_lines(why)) },
            CaseVerdict::Failed(mismatches) => (render_mismatches(case, number, mismatches)),
        }
        (render_notes(&evidence.notes))
        @for remark in &evidence.remarks { p.soft { (visible_lines(remark)) } }
        @if let Some(client) = &evidence.client { (render_client(client)) }
        (render_connections(&id, &evidence.connections))
        @let transcript = evidence.transcript();
        @if !transcript.is_empty() {
            details {
                summary { "Messages" }
                pre.octets tabindex="0" { (visible_lines(&transcript)) }
            }
        }
    }
}

fn render_mismatches(case: usize, number: usize, mismatches: &[Mismatch]) -> Markup {
    const COLUMNS: [Column<'_>; 3] =
        [Column::text("Part"), Column::text("Expected"), Column::text("Came")];
    let mut rows = Vec::new();
    for one in mismatches {
        rows.push(vec![
            html! { (visible_lines(&one.what)) },
            html! { span.prose { ins.expected { (with_code(&visible_lines(&one.expected))) } } },
            html! { span.prose { del.actual { (visible_lines(&one.actual)) } } },
        ]);
    }
    // Names of regions differ.
    let caption = format!("Differences of case {case}, try {number}");
    Table { caption: &caption, hides_caption: true, columns: &COLUMNS, rows }.render()
}

/// The notes, those that fail the case first. Good ones are counted out: they change nothing.
fn render_notes(notes: &[CaseNote]) -> Markup {
    let mut shown: Vec<&CaseNote> =
        notes.iter().filter(|note| note.finding.level != NoteLevel::Good).collect();
    shown.sort_by_key(|note| (!note.fails, std::cmp::Reverse(note.finding.level)));
    html! {
        @for note in shown {
            div.case-note {
                p {
                    (level_badge(note.finding.level)) " " code { (note.finding.note) } " "
                    (with_code(&visible_lines(&note.finding.message)))
                    @if note.fails { " " strong { "This fails the case." } }
                }
                @if let Some(reason) = &note.ignored { p.soft { "Ignored: " (visible_lines(reason)) } }
                @if let Some(quote) = &note.quote { blockquote cite=(note.source_url) { (quote) } }
                p.soft { a href=(note.source_url) { (note.finding.source) } }
            }
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
    html! { span.badge.(kind) { (level.as_str()) } }
}

fn render_client(client: &ClientRun) -> Markup {
    let outputs = [("Standard output", &client.stdout), ("Standard error", &client.stderr)];
    html! {
        dl.details {
            dt { "Client" } dd { code { (visible_lines(&client.command_line())) } }
            dt { "Against" } dd { code { (visible_lines(&client.scenario)) } }
            dt { "End" } dd { (visible_lines(&client.end)) }
        }
        @for (name, output) in outputs {
            @if !output.octets.is_empty() {
                details {
                    summary { (name) }
                    pre.octets tabindex="0" { (visible_content(&output.octets)) }
                }
            }
        }
    }
}
