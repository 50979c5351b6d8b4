//! A case and its place on the page, and how its state looks.

use std::time::Duration;

use maud::{Markup, html};
use upshift_record::suite::{CaseState, RunCase};

/// A case and its place on the page.
pub(super) struct PlacedCase<'r> {
    /// The place among all cases, from 1.
    pub(super) number: usize,
    pub(super) case: RunCase<'r>,
}

/// The state of a case as a colour, a symbol and a word.
pub(super) fn state_badge(state: CaseState<'_>) -> Markup {
    let (kind, symbol) = match state {
        CaseState::Passed => ("good", "✓"),
        CaseState::Flaky => ("warning", "↻"),
        CaseState::Failed(_) => ("danger", "✗"),
        CaseState::Errored(_) | CaseState::Unplanned => ("danger", "!"),
        CaseState::Skipped(_) => ("quiet", "–"),
        CaseState::NotRun => ("danger", "○"),
    };
    badge(kind, symbol, state.word())
}

/// A colour, a symbol for those who do not see it, and a word.
pub(super) fn badge(kind: &str, symbol: &str, word: &str) -> Markup {
    html! { span.badge.(kind) { span aria-hidden="true" { (symbol) } (word) } }
}

/// A time for people.
pub(super) fn time_text(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1000.0),
        seconds => format!("{seconds:.2} s"),
    }
}
