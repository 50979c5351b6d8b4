//! The findings for people.

use std::fmt::Write as _;

use upshift_record::{LevelCounts, LintFinding, LintReport, LintedExchange, NoteLevel};

use crate::terminal::{Hue, Palette, counted};

/// The findings by exchange, and their number.
pub(super) fn render(report: &LintReport, palette: Palette) -> String {
    let mut text = String::new();
    for exchange in &report.exchanges {
        add_exchange(&mut text, exchange, palette);
    }
    let exchanges = counted(report.exchanges.len() as u64, "exchange");
    add_line(&mut text, format_args!("{exchanges}: {}", count_text(report.counts)));
    if let Some(id) = worst_note(report) {
        add_line(&mut text, format_args!("`upshift note {id}` explains {id}, with examples"));
    }
    text
}

fn add_exchange(text: &mut String, exchange: &LintedExchange, palette: Palette) {
    add_line(text, palette.paint(Hue::Bold, title_of(exchange)));
    if exchange.findings.is_empty() && exchange.ignored.is_empty() {
        add_line(text, "  nothing to note");
    }
    for found in &exchange.findings {
        add_finding(text, found, palette);
    }
    for ignored in &exchange.ignored {
        let id = &ignored.finding.finding.note;
        let line = format!("  ignored {id} until {}: {}", ignored.until, ignored.reason);
        add_line(text, palette.paint(Hue::Faint, line));
    }
    text.push('\n');
}

/// `a.har, exchange 2: GET https://a.example/ → 103, 426`.
fn title_of(exchange: &LintedExchange) -> String {
    let mut title = exchange.file.clone();
    match exchange.line {
        Some(line) => title.push_str(&format!(":{line}")),
        None => title.push_str(&format!(", exchange {}", exchange.number)),
    }
    let request: Vec<&str> =
        [&exchange.method, &exchange.url].into_iter().flatten().map(String::as_str).collect();
    let statuses: Vec<String> = exchange.statuses.iter().map(u16::to_string).collect();
    let outcome = if statuses.is_empty() { "no response".to_owned() } else { statuses.join(", ") };
    let lane = exchange.lane.map(|lane| format!(" ({lane})")).unwrap_or_default();
    format!("{title}: {} → {outcome}{lane}", request.join(" ")).replace(":  →", ":")
}

fn add_finding(text: &mut String, found: &LintFinding, palette: Palette) {
    let finding = &found.finding;
    let level = palette.paint(hue_of(finding.level), format!("{:<5}", finding.level));
    let field = finding.field.as_ref().map(|field| format!(", {field}")).unwrap_or_default();
    let place = format!("{}{field}", finding.place);
    let message = palette.paint(Hue::Bold, &finding.message);
    let source = palette.paint(Hue::Faint, format!("({})", finding.source));
    // The palette made the message visible; a name of a field comes from the note.
    add_line(text, format_args!("  {level} {}  {place}: {message} {source}", finding.note));
}

fn add_line(text: &mut String, line: impl std::fmt::Display) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}

fn hue_of(level: NoteLevel) -> Hue {
    match level {
        NoteLevel::Good => Hue::Good,
        NoteLevel::Info => Hue::Faint,
        NoteLevel::Warn => Hue::Warning,
        NoteLevel::Error => Hue::Bad,
    }
}

/// `2 errors, 1 warning, 3 infos, 1 good thing`.
fn count_text(counts: LevelCounts) -> String {
    let mut parts = Vec::new();
    let by_level = [
        (counts.error, "error"),
        (counts.warn, "warning"),
        (counts.info, "info"),
        (counts.good, "good thing"),
    ];
    for (number, word) in by_level {
        if number > 0 {
            parts.push(counted(number, word));
        }
    }
    if parts.is_empty() { "nothing to note".to_owned() } else { parts.join(", ") }
}

/// The note of the first finding among the most severe, if something has to change.
fn worst_note(report: &LintReport) -> Option<&str> {
    let findings = report.exchanges.iter().flat_map(|exchange| &exchange.findings);
    let levels = findings.clone().map(|found| found.finding.level);
    let worst = levels.max().filter(|level| *level >= NoteLevel::Warn)?;
    let mut of_worst = findings.filter(|found| found.finding.level == worst);
    of_worst.next().map(|found| found.finding.note.as_str())
}
