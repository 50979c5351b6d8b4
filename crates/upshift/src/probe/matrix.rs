//! The matrix: a line for each question.

use upshift_core::answer::reason_phrase;
use upshift_record::probe::{ProbeOutcome, ProbeRow};

use super::paragraphs::{cut, wrap};
use crate::terminal::{Hue, Palette};

const QUESTION: usize = 12;
const ANSWER: usize = 30;
const DETAIL: usize = 24;
const TIME: usize = 8;

/// The head of the matrix.
pub(super) fn render_head(palette: Palette) -> String {
    let head = format!(
        "  {:<QUESTION$} {:<ANSWER$} {:<DETAIL$} {:>TIME$}",
        "", "answer", "asks for, or why not", "time"
    );
    format!("{}\n", palette.paint(Hue::Faint, head.trim_end()))
}

/// A line for a question, and further lines for what does not fit into it.
pub(super) fn render_row(row: &ProbeRow, palette: Palette) -> String {
    if row.outcome == ProbeOutcome::NotAsked {
        let reason = row.reason.as_deref().unwrap_or_default();
        let line = format!("  {:<QUESTION$} not asked: {reason}", row.question);
        return format!("{}\n", palette.paint(Hue::Faint, line));
    }
    let answer = answer_text(row);
    let detail = detail_text(row);
    let time = match row.elapsed_ms {
        Some(elapsed) => time_text(elapsed),
        None => String::new(),
    };
    let fits = detail.chars().count() <= DETAIL;
    let shown = if fits { detail.as_str() } else { "" };
    let padded = format!("{:<ANSWER$}", cut(&answer, ANSWER));
    let line = format!(
        "  {:<QUESTION$} {} {shown:<DETAIL$} {time:>TIME$}",
        row.question,
        palette.paint(hue_of(row), padded),
    );
    let mut text = line.trim_end().to_owned() + "\n";
    let mut below = row.remarks.clone();
    if !fits {
        below.insert(0, detail);
    }
    for part in below {
        for line in wrap(&part, 4 + QUESTION - 1) {
            text.push_str(&format!("{}\n", palette.paint(Hue::Faint, line)));
        }
    }
    text
}

/// The statuses, in order: `103, 200 OK`, `101, 200`.
fn answer_text(row: &ProbeRow) -> String {
    let outcome = match row.outcome {
        ProbeOutcome::NotAsked => "not asked",
        ProbeOutcome::Accepted => return "accepted".to_owned(),
        ProbeOutcome::Failed => "failed",
        ProbeOutcome::Declined => "declined",
        ProbeOutcome::Answered | ProbeOutcome::Switched => "",
    };
    let mut parts = Vec::new();
    if !outcome.is_empty() {
        parts.push(outcome.to_owned());
    }
    let Some(exchange) = &row.exchange else { return parts.join(", ") };
    for interim in &exchange.interim {
        parts.push(interim.status.to_string());
    }
    if let Some(response) = &exchange.response {
        let phrase = match &response.reason {
            // The reason says more.
            _ if row.outcome == ProbeOutcome::Declined => String::new(),
            Some(reason) => reason.to_text(),
            None => reason_phrase(response.status).to_owned(),
        };
        parts.push(format!("{} {phrase}", response.status).trim_end().to_owned());
    } else if row.outcome == ProbeOutcome::Switched
        && let Some(last) = parts.last_mut()
    {
        last.push_str(" Switching Protocols");
    }
    parts.join(", ")
}

fn detail_text(row: &ProbeRow) -> String {
    if let Some(protocol) = &row.switched_to {
        return format!("→ {protocol}");
    }
    match &row.reason {
        Some(reason) => reason.clone(),
        None => row.upgrade.join(", "),
    }
}

fn hue_of(row: &ProbeRow) -> Hue {
    match (row.outcome, row.status) {
        (ProbeOutcome::NotAsked | ProbeOutcome::Declined, _) => Hue::Faint,
        (ProbeOutcome::Failed, _) => Hue::Bad,
        (ProbeOutcome::Accepted, _) => Hue::Warning,
        (ProbeOutcome::Answered, Some(426)) => Hue::Warning,
        (ProbeOutcome::Answered, Some(400..)) => Hue::Bold,
        (ProbeOutcome::Answered | ProbeOutcome::Switched, _) => Hue::Good,
    }
}

/// `0.8 ms`, `12 ms`, `2.01 s`.
pub(super) fn time_text(milliseconds: f64) -> String {
    match milliseconds {
        ..10.0 => format!("{milliseconds:.1} ms"),
        ..1000.0 => format!("{milliseconds:.0} ms"),
        _ => format!("{:.2} s", milliseconds / 1000.0),
    }
}
