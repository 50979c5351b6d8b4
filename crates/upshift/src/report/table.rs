//! The report for a terminal, 80 columns wide.

use upshift_record::adoption::{
    AdoptionReport, LabelCounts, RequestCounts, RuleAdoption, SeriesPoint,
};
use upshift_record::number_text::{share_of, share_text};

use super::sparkline::render_sparkline;
use crate::terminal::{Hue, Palette, counted, format_percent, grouped, minute_text};

/// The most labels and callers of one list.
const MAX_LINES: usize = 8;
/// The width of a sparkline.
const LINE_WIDTH: usize = 40;

/// The whole report.
pub(super) fn render_report(report: &AdoptionReport, palette: Palette) -> String {
    // Both are RFC 3339 in UTC, so that the later one is the greater text.
    let recorded = report.recording_since.as_deref().unwrap_or_default();
    let since = recorded.max(&report.from);
    let fleet = match report.gateways {
        Some(gateways) => format!(" at {}", counted(gateways, "gateway")),
        None => String::new(),
    };
    let requests = requests_text(&report.total);
    let mut text = format!("{requests}{fleet} since {}\n", minute_text(since));
    for (name, labels) in [("HTTP", &report.http), ("TLS", &report.tls)] {
        text.push_str(&format!("{name:<5}{}\n", shares(labels, report.total.requests)));
    }
    for rule in &report.rules {
        text.push('\n');
        text.push_str(&render_rule(rule, palette));
    }
    if !report.not_known.is_empty() {
        text.push_str(&format!("\nnot known: {}\n", report.not_known.join(", ")));
    }
    text
}

/// The requests, and the callers if they are known.
fn requests_text(counts: &RequestCounts) -> String {
    let requests = counted(counts.requests, "request");
    match counts.callers {
        Some(callers) => format!("{requests} of {}", counted(callers, "caller")),
        None => requests,
    }
}

fn behind_text(behind: &RequestCounts, total: &RequestCounts) -> String {
    let requests = format!("{} of requests", share_text(behind.requests, total.requests));
    if total.callers.is_none() {
        return requests;
    }
    format!(
        "{} of {} ({}), {requests}",
        grouped(behind.callers),
        counted(total.callers, "caller"),
        share_text(behind.callers, total.callers)
    )
}

fn render_rule(rule: &RuleAdoption, palette: Palette) -> String {
    let mut text = format!("{}   {}\n", palette.paint(Hue::Bold, &rule.rule), phase_text(rule));
    if rule.total.requests == 0 {
        text.push_str("  no request matched this rule\n");
        return text;
    }
    let hue = if rule.behind.requests == 0 { Hue::Good } else { Hue::Warning };
    let numbers = behind_text(&rule.behind, &rule.total);
    text.push_str(&format!("  behind     {}\n", palette.paint(hue, numbers)));
    if rule.uncertain.requests > 0 {
        text.push_str(&format!(
            "  uncertain  {} of requests: version missing or unreadable\n",
            share_text(rule.uncertain.requests, rule.total.requests)
        ));
    }
    text.push_str(&format!("  trend      {}\n", trend_text(&rule.series)));
    text.push_str(&wrapped("outlook", &rule.projection.sentence));
    text.push_str(&label_lines("versions", &rule.versions, rule.total.callers));
    text.push_str(&label_lines("clients", &rule.clients, rule.total.callers));
    text.push_str(&caller_lines(rule));
    text
}

fn phase_text(rule: &RuleAdoption) -> String {
    let Some(phase) = &rule.phase else { return "no longer in the policy".to_owned() };
    match (&rule.next, &rule.held_by) {
        (_, Some(holder)) if holder == "breaker" => {
            format!("{phase}, held by the breaker: see upshift trips")
        }
        (_, Some(holder)) => format!("{phase}, set by {holder}"),
        (Some(next), None) => {
            format!("{phase}, then {} on {}", next.phase, minute_text(&next.from))
        }
        (None, None) => phase.clone(),
    }
}

/// The share of callers, or else of requests, that are behind, over time.
fn trend_text(series: &[SeriesPoint]) -> String {
    let mut values = Vec::new();
    for point in series {
        // A point without callers has no share.
        values.push(match point.total.callers {
            Some(callers) => share_of(point.behind.callers, callers),
            None => share_of(point.behind.requests, point.total.requests),
        });
    }
    let knows_callers = series.iter().all(|point| point.total.callers.is_some());
    let unit = if knows_callers { "callers" } else { "requests" };
    let line = render_sparkline(&values, LINE_WIDTH);
    let (first, last) = (values.iter().flatten().next(), values.iter().flatten().next_back());
    match (first, last) {
        (Some(first), Some(last)) => {
            format!("{line}  {} → {} of {unit}", format_percent(*first), format_percent(*last))
        }
        _ => line,
    }
}

fn label_lines(title: &str, labels: &[LabelCounts], all: Option<u64>) -> String {
    let mut text = String::new();
    let mut title = title;
    for label in labels.iter().take(MAX_LINES) {
        text.push_str(&format!(
            "  {title:<10} {:<26} {:>16} {:>8}{}\n",
            label.label,
            counted(label.total.callers, "caller"),
            share_text(label.total.callers, all),
            if label.behind.requests > 0 { "  behind" } else { "" }
        ));
        title = "";
    }
    if labels.len() > MAX_LINES {
        text.push_str(&format!(
            "  {:<10} and {} more (see --json)\n",
            "",
            labels.len() - MAX_LINES
        ));
    }
    text
}

fn caller_lines(rule: &RuleAdoption) -> String {
    let mut text = String::new();
    let mut title = "refused";
    for caller in rule.refused_callers.iter().take(MAX_LINES) {
        let uncertainty = match caller.uncertainty {
            0 => String::new(),
            more => format!(" (up to {} more)", grouped(more)),
        };
        text.push_str(&format!(
            "  {title:<10} {}  {}{uncertainty}, {}, {}, {}, {}, last {}\n",
            caller.caller,
            counted(caller.requests, "request"),
            caller.version,
            caller.client,
            caller.path,
            caller.network,
            minute_text(&caller.last_seen)
        ));
        title = "";
    }
    if rule.refused_callers.len() > MAX_LINES {
        let more = rule.refused_callers.len() - MAX_LINES;
        text.push_str(&format!("  {:<10} and {more} more (see --json)\n", ""));
    }
    text
}

/// The labels with their shares of the requests, the largest first.
fn shares(labels: &[LabelCounts], all: u64) -> String {
    let mut sorted: Vec<_> = labels.iter().collect();
    sorted.sort_by_key(|label| std::cmp::Reverse(label.total.requests));
    let mut texts = Vec::new();
    for label in sorted {
        texts.push(format!("{} {}", label.label, share_text(label.total.requests, all)));
    }
    texts.join(", ")
}

/// A title, and a sentence in lines of at most 80 columns.
pub(super) fn wrapped(title: &str, sentence: &str) -> String {
    let mut text = String::new();
    let mut line = format!("  {title:<10}");
    for word in sentence.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > 80 {
            text.push_str(&line);
            text.push('\n');
            line = format!("  {:<10}", "");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_and_times_fit_their_lines() {
        let sentence = "word ".repeat(40);
        assert!(wrapped("outlook", sentence.trim()).lines().all(|line| line.len() <= 80));
        assert_eq!(minute_text("2026-11-29T20:00:00Z"), "2026-11-29 20:00Z");
    }
}
