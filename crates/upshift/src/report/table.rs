//! The report for a terminal, 80 columns wide.

use std::cmp::Reverse;

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
        text.push('\n');
        text.push_str(not_known_text());
    }
    text
}

/// The parts that the metrics of a fleet do not have, in words. The record lists their names in
/// JSON.
fn not_known_text() -> &'static str {
    "Prometheus does not know callers, versions, clients, the HTTP and TLS of a rule,\n\
     its next phase and who set this one, the outlook, or rules without requests.\n"
}

/// The requests and their callers.
fn requests_text(counts: &RequestCounts) -> String {
    let requests = counted(counts.requests, "request");
    match counts.callers {
        Some(callers) => format!("{requests} of {}", counted(callers, "caller")),
        None => format!("{requests} ({})", callers_text(None)),
    }
}

/// A number of callers.
fn callers_text(callers: Option<u64>) -> String {
    match callers {
        Some(callers) => counted(callers, "caller"),
        None => "callers unknown".to_owned(),
    }
}

fn behind_text(behind: &RequestCounts, total: &RequestCounts) -> String {
    let requests = format!("{} of requests", share_text(behind.requests, total.requests));
    if behind.callers.is_none() || total.callers.is_none() {
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
    let knows_callers =
        series.iter().all(|point| point.total.callers.is_some() && point.behind.callers.is_some());
    let mut values = Vec::new();
    for SeriesPoint { total, behind, .. } in series {
        values.push(if knows_callers {
            share_of(behind.callers, total.callers)
        } else {
            share_of(behind.requests, total.requests)
        });
    }
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
    for label in largest_labels(labels) {
        text.push_str(&format!(
            "  {title:<10} {:<26} {:>16} {:>8}{}\n",
            label.label,
            callers_text(label.total.callers),
            share_text(label.total.callers, all),
            behind_mark(label)
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

/// The labels with the most callers, in the order of the list.
fn largest_labels(labels: &[LabelCounts]) -> Vec<&LabelCounts> {
    let mut ranked: Vec<_> = labels.iter().enumerate().collect();
    ranked.sort_by_key(|(_, label)| Reverse((label.total.callers, label.total.requests)));
    ranked.truncate(MAX_LINES);
    ranked.sort_by_key(|(position, _)| *position);
    ranked.into_iter().map(|(_, label)| label).collect()
}

/// The number of a label's callers that are behind, or only the word if all of them are.
fn behind_mark(label: &LabelCounts) -> String {
    let LabelCounts { total, behind, .. } = label;
    match (behind.callers, total.callers) {
        _ if behind.requests == 0 => String::new(),
        _ if behind.requests == total.requests => "  behind".to_owned(),
        (Some(some), Some(all)) if some < all => format!("  {} behind", grouped(some)),
        (Some(_), Some(_)) => "  behind".to_owned(),
        _ => format!("  {} of requests behind", share_text(behind.requests, total.requests)),
    }
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
    sorted.sort_by_key(|label| Reverse(label.total.requests));
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

    fn label(name: &str, total: (u64, Option<u64>), behind: (u64, Option<u64>)) -> LabelCounts {
        let counts = |(requests, callers)| RequestCounts { requests, callers };
        LabelCounts {
            label: name.to_owned(),
            total: counts(total),
            behind: counts(behind),
            callers_below: None,
        }
    }

    #[test]
    fn the_labels_with_the_most_callers_are_shown_in_their_order() {
        let mut labels = Vec::new();
        for minor in 0..10 {
            labels.push(label(&format!("1.{minor}"), (1, Some(1)), (1, Some(1))));
        }
        labels.push(label("2.0", (9, Some(3)), (0, Some(0))));
        labels.push(label("other", (200, Some(90)), (200, Some(90))));
        let text = label_lines("versions", &labels, Some(103));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), MAX_LINES + 1, "{text}");
        assert!(lines[6].contains("2.0") && lines[7].contains("other"), "{text}");
        assert!(lines[8].ends_with("and 4 more (see --json)"), "{text}");
    }

    #[test]
    fn a_label_says_how_many_of_its_callers_are_behind() {
        for (total, behind, expected) in [
            ((20, Some(10)), (6, Some(3)), "  3 behind"),
            ((20, Some(10)), (20, Some(10)), "  behind"),
            ((20, Some(10)), (15, Some(10)), "  behind"),
            ((20, Some(10)), (0, Some(0)), ""),
            ((20, None), (5, None), "  25% of requests behind"),
        ] {
            assert_eq!(behind_mark(&label("none", total, behind)), expected);
        }
    }

    #[test]
    fn callers_that_are_not_known_are_not_none() {
        let hidden = RequestCounts { requests: 176, callers: None };
        assert_eq!(requests_text(&hidden), "176 requests (callers unknown)");
        assert_eq!(behind_text(&hidden, &hidden), "100% of requests");
    }

    #[test]
    fn sentences_and_times_fit_their_lines() {
        let sentence = "word ".repeat(40);
        assert!(wrapped("outlook", sentence.trim()).lines().all(|line| line.len() <= 80));
        assert_eq!(minute_text("2026-11-29T20:00:00Z"), "2026-11-29 20:00Z");
    }
}
