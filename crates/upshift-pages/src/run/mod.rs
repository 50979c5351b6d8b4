//! The report of a test run as one file, which needs no network and no script to be read.
//!
//! It begins with the numbers and a grid of cases and lanes. Each case follows with what was
//! expected and what came, the notes, the timelines and the octets of its connections, and the
//! command that runs it again.

mod case;
mod connection;
mod grid;
mod placed_case;
mod timeline;

use maud::{Markup, html};
use upshift_record::number_text::counted;
use upshift_record::suite::{CaseState, RunRecord};

use crate::layout::{Delivery, Page};
use case::render_case;
use grid::render_grids;
use placed_case::{PlacedCase, badge, time_text};

/// Renders the report of a run so far. A case that did not run is an error in it.
pub fn render_run(record: &RunRecord) -> String {
    let mut cases = Vec::new();
    for (index, case) in record.cases().into_iter().enumerate() {
        cases.push(PlacedCase { number: index + 1, case });
    }
    let title = title_of(record);
    let main = html! {
        h1 { (title) }
        (strip(record, &cases))
        section aria-labelledby="grid" {
            h2 #grid { "Cases by lane" }
            (render_grids(record, &cases))
        }
        section aria-labelledby="cases" {
            h2 #cases { "Cases" }
            @for placed in &cases { (render_case(placed)) }
        }
    };
    let footer = html! { p { "Made by " code { "upshift test --report html=FILE" } "." } };
    Page { title: &title, delivery: Delivery::File, main, footer }.render_html()
}

fn title_of(record: &RunRecord) -> String {
    let summary = record.summary();
    let short = summary.planned - summary.passed.min(summary.planned) - summary.skipped;
    match short {
        0 if summary.is_success() => format!("{} passed", counted(summary.passed as u64, "case")),
        short => format!("{short} of {} fell short", counted(summary.planned as u64, "case")),
    }
}

fn strip(record: &RunRecord, cases: &[PlacedCase<'_>]) -> Markup {
    let summary = record.summary();
    let not_run = cases.iter().filter(|placed| placed.case.state() == CaseState::NotRun).count();
    let numbers = [
        ("Passed", summary.passed),
        ("Flaky", summary.flaky),
        ("Failed", summary.failed),
        ("Errors", summary.errored),
        ("Skipped", summary.skipped),
        ("Not run", not_run),
    ];
    let took = record.outcomes.iter().map(|outcome| outcome.took()).sum();
    html! {
        dl.strip {
            div {
                dt { "Run" }
                dd {
                    @if summary.is_success() {
                        (badge("good", "✓", "passed"))
                    } @else {
                        (badge("danger", "✗", "fell short"))
                    }
                }
            }
            @for (name, number) in numbers {
                div { dt { (name) } dd { (number) } }
            }
            div { dt { "Time of all tries" } dd { (time_text(took)) } }
            div { dt { "Started" } dd { time datetime=(record.started) { (record.started) } } }
        }
    }
}

#[cfg(test)]
mod tests;
