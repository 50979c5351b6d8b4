//! The events of a run for people: a line for each case, and the details where it fell short.

use std::fmt::Write as _;
use std::time::Duration;

use upshift_config::make_visible;
use upshift_record::suite::{
    CaseAddress, CaseEvidence, CaseNote, CaseOutcome, CaseTry, CaseVerdict, RunEvent, RunRecord,
    RunSummary,
};

use crate::terminal::{Hue, Palette, counted};

/// The space before the details of a case.
const INDENT: &str = "             ";

/// The most lines of a client's output that are shown.
const MOST_OUTPUT_LINES: usize = 10;

/// The text for people, as the run goes.
pub(super) struct Console {
    palette: Palette,
}

impl Console {
    pub(super) fn new(palette: Palette) -> Self {
        Self { palette }
    }

    /// The text for an event; empty for one that people need not see.
    pub(super) fn text_for(&self, event: &RunEvent, run: &RunRecord) -> String {
        match event {
            RunEvent::Tried { address, number, retries: true, tried, .. } => {
                self.try_line(address, *number, tried)
            }
            RunEvent::Finished { address, .. } => match last_outcome(run, address) {
                Some(outcome) => self.outcome_text(outcome),
                None => String::new(),
            },
            RunEvent::Summary { at, summary, .. } => self.summary_text(*at, summary, run),
            _ => String::new(),
        }
    }

    /// The line of a try that another one follows.
    fn try_line(&self, address: &CaseAddress, number: usize, tried: &CaseTry) -> String {
        let mark = self.palette.paint(Hue::Warning, format!("{:>12}", format!("TRY {number}")));
        format!("{mark} {} {}\n", time_text(tried.took), self.address_text(address))
    }

    fn outcome_text(&self, outcome: &CaseOutcome) -> String {
        let (mark, hue) = mark_of(outcome);
        let mark = self.palette.paint(hue, format!("{mark:>12}"));
        let address = self.address_text(&outcome.address);
        let mut text = format!("{mark} {} {address}\n", time_text(outcome.took()));
        let Some(last) = outcome.last_try() else { return text };
        if let CaseVerdict::Skipped(why) = &last.verdict {
            push_detail(&mut text, why);
        }
        if outcome.is_flaky()
            && let Some(first) = outcome.tries.first()
        {
            push_detail(&mut text, &format!("passed at try {}; try 1:", outcome.tries.len()));
            text.push_str(&verdict_lines(&first.verdict, self.palette));
        }
        if outcome.fell_short() {
            text.push_str(&verdict_lines(&last.verdict, self.palette));
            text.push_str(&self.evidence_lines(&last.evidence));
            push_detail(&mut text, &format!("again: {}", rerun_command(&outcome.address)));
        }
        text
    }

    fn evidence_lines(&self, evidence: &CaseEvidence) -> String {
        let mut text = String::new();
        for note in evidence.notes.iter().filter(|note| note.fails) {
            push_note(&mut text, note);
        }
        for remark in &evidence.remarks {
            push_detail(&mut text, remark);
        }
        if let Some(client) = &evidence.client
            && client.started
        {
            push_detail(&mut text, &format!("$ {}", client.command_line()));
            push_detail(&mut text, &client.end);
            push_output(&mut text, "stdout", &client.stdout.octets);
            push_output(&mut text, "stderr", &client.stderr.octets);
        }
        text
    }

    fn summary_text(&self, took: Duration, summary: &RunSummary, run: &RunRecord) -> String {
        let mut text = "─".repeat(12) + "\n";
        let hue = if summary.is_success() { Hue::Good } else { Hue::Bad };
        let mark = self.palette.paint(hue, format!("{:>12}", "Summary"));
        let time = time_text(took);
        // Writing to a string does not fail.
        let _ = writeln!(text, "{mark} {time} {}", numbers_text(summary));
        for outcome in run.outcomes.iter().filter(|outcome| outcome.fell_short()) {
            let (mark, hue) = mark_of(outcome);
            let mark = self.palette.paint(hue, format!("{mark:>12}"));
            let _ = writeln!(text, "{mark} {}", self.address_text(&outcome.address));
        }
        for address in &summary.missing {
            let mark = self.palette.paint(Hue::Bad, format!("{:>12}", "NOT RUN"));
            let _ = writeln!(text, "{mark} {}", make_visible(address));
        }
        for address in &summary.unplanned {
            let mark = self.palette.paint(Hue::Bad, format!("{:>12}", "NOT PLANNED"));
            let _ = writeln!(text, "{mark} {}", make_visible(address));
        }
        text
    }

    fn address_text(&self, address: &CaseAddress) -> String {
        self.palette.paint(Hue::Bold, address.to_string()).to_string()
    }
}

/// The outcome of the case that has just finished. It is the last one, so that it is found at once.
pub(super) fn last_outcome<'r>(
    run: &'r RunRecord,
    address: &CaseAddress,
) -> Option<&'r CaseOutcome> {
    run.outcomes.last().filter(|outcome| outcome.address == *address)
}

/// The line that runs a case again.
fn rerun_command(address: &CaseAddress) -> String {
    let quoted = address.to_string().replace('\'', r"'\''");
    format!("upshift replay '{quoted}'")
}

/// The reasons for a verdict, one a line.
pub(crate) fn verdict_lines(verdict: &CaseVerdict, palette: Palette) -> String {
    let mut text = String::new();
    match verdict {
        CaseVerdict::Passed => {}
        CaseVerdict::Failed(mismatches) => {
            for mismatch in mismatches {
                let what = palette.paint(Hue::Bad, &mismatch.what);
                let expected = make_visible(&mismatch.expected);
                let actual = make_visible(&mismatch.actual);
                let _ = writeln!(text, "{INDENT}{what}: expected {expected}, got {actual}");
            }
        }
        CaseVerdict::Errored(why) | CaseVerdict::Skipped(why) => push_detail(&mut text, why),
    }
    text
}

fn mark_of(outcome: &CaseOutcome) -> (&'static str, Hue) {
    match outcome.mark() {
        "pass" => ("PASS", Hue::Good),
        "flaky" => ("FLAKY", Hue::Warning),
        "skip" => ("SKIP", Hue::Faint),
        other => (other, Hue::Bad),
    }
}

fn time_text(time: Duration) -> String {
    format!("[{:>8.3}s]", time.as_secs_f64())
}

fn numbers_text(summary: &RunSummary) -> String {
    let mut text = format!("{}: ", counted(summary.planned as u64, "case"));
    let _ = write!(text, "{} passed", summary.passed);
    if summary.flaky > 0 {
        let _ = write!(text, " ({} flaky)", summary.flaky);
    }
    let further = [
        (summary.failed, "failed"),
        (summary.errored, "could not be judged"),
        (summary.skipped, "skipped"),
        (summary.missing.len(), "not run"),
        (summary.unplanned.len(), "not planned"),
    ];
    for (number, what) in further {
        if number > 0 {
            let _ = write!(text, ", {number} {what}");
        }
    }
    text
}

fn push_note(text: &mut String, note: &CaseNote) {
    let finding = &note.finding;
    let place = note.file.as_deref().unwrap_or("");
    let space = if place.is_empty() { "" } else { ": " };
    push_detail(text, &format!("{place}{space}{}: {}", finding.note, note.summary));
    match &note.quote {
        Some(quote) => push_detail(text, &format!("  {}: \"{quote}\"", finding.source)),
        None => push_detail(text, &format!("  {}", finding.source)),
    }
}

fn push_output(text: &mut String, name: &str, octets: &[u8]) {
    let output = String::from_utf8_lossy(octets);
    let lines: Vec<&str> = output.lines().collect();
    for line in lines.iter().take(MOST_OUTPUT_LINES) {
        push_detail(text, &format!("{name}: {line}"));
    }
    if lines.len() > MOST_OUTPUT_LINES {
        push_detail(text, &format!("{name}: … {} lines in all", lines.len()));
    }
}

fn push_detail(text: &mut String, line: &str) {
    // Always one line: servers and clients choose parts of it, and GitHub Actions obeys a line that
    // begins with `::`.
    let _ = writeln!(text, "{INDENT}{}", make_visible(line));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A captured value with an end of a line became part of a URL, and then of the log.
    #[test]
    fn a_reason_stays_in_its_line() {
        let why = "`http://a/\n::error file=x.js::owned\u{7}` is not a URL".to_owned();
        let text = verdict_lines(&CaseVerdict::Errored(why), Palette::colourless());
        let line = "`http://a/\\n::error file=x.js::owned\\u{7}` is not a URL";
        assert_eq!(text, format!("{INDENT}{line}\n"));
    }
}
