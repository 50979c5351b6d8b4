//! The forecast for people.

use std::io;

use upshift_record::forecast::{ForecastDay, ForecastRecord, RuleForecast, StepRecord, TopEntry};

use crate::terminal::{Hue, Palette, counted, format_percent, grouped, visible_record};

/// The most days that are shown one by one. Of more, the first and the last ones are.
const DAYS: usize = 14;

/// A part of a number, 0 to 1.
pub(super) fn share_of(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Renders the whole forecast.
pub(super) fn render_forecast(
    record: &ForecastRecord,
    is_guessed: bool,
    palette: Palette,
) -> io::Result<String> {
    let visible = visible_record(record)?;
    let mut text = render_sources(&visible, is_guessed);
    text.push_str(&render_total(&visible, palette));
    for rule in &visible.rules {
        text.push_str(&render_rule(rule, visible.threshold, palette));
    }
    text.push_str(&render_other_lines(&visible, palette));
    Ok(text)
}

/// The reason why there is no forecast.
pub(super) fn describe_nothing(record: &ForecastRecord) -> io::Result<String> {
    let visible = visible_record(record)?;
    let mut text = "there is no request in the logs".to_owned();
    for malformed in &visible.malformed_lines {
        text.push_str(&format!(
            "\n  {} malformed ({}): {}:{}: {}",
            counted(malformed.count, "line"),
            malformed.kind,
            malformed.path,
            malformed.line,
            malformed.example
        ));
    }
    for other in &visible.not_requests {
        let verb = if other.count == 1 { "is not a request" } else { "are not requests" };
        text.push_str(&format!("\n  {} {verb} ({})", counted(other.count, "line"), other.kind));
    }
    Ok(text)
}

fn render_sources(record: &ForecastRecord, is_guessed: bool) -> String {
    let mut text = String::new();
    for source in &record.sources {
        let guessed = if is_guessed { " (guessed; --format overrules it)" } else { "" };
        let lines = counted(source.lines, "line");
        text.push_str(&format!("{}: {}{guessed}, {lines}\n", source.path, source.format));
    }
    for note in &record.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    if record.sampled < 1.0 {
        text.push_str(&format!(
            "note: the logs hold {} of all requests: shares hold for all, numbers of requests are \
             those of the logs, and there are more callers than these\n",
            format_percent(record.sampled)
        ));
    }
    text
}

fn render_total(record: &ForecastRecord, palette: Palette) -> String {
    let total = &record.total;
    let mut text = String::new();
    if let (Some(from), Some(to)) = (&record.from, &record.to) {
        text.push_str(&format!("From {from} to {to}.\n"));
    }
    let how = match &record.at {
        Some(at) => format!("As of {at}:"),
        None => "If every rule were enforced:".to_owned(),
    };
    text.push_str(&format!("\n{}\n", palette.paint(Hue::Bold, how)));
    let refused = describe_part(total.refused, total.requests);
    text.push_str(&format!("  {refused} of {} requests would be refused", grouped(total.requests)));
    if total.unknown > 0 {
        text.push_str(&format!(
            ", and {} are unknown",
            describe_part(total.unknown, total.requests)
        ));
    }
    text.push_str(".\n");
    if total.callers > 0 {
        let refused = describe_part(total.refused_callers, total.callers);
        let callers = grouped(total.callers);
        text.push_str(&format!("  {refused} of {callers} callers would be refused.\n"));
    }
    for (count, what) in [
        (
            total.without_address,
            "requests have no address of a client: their callers are not counted",
        ),
        (total.future, "requests are more than a day in the future: they are in no day below"),
        (total.undated, "requests have no usable time: they are in no day below"),
    ] {
        if count > 0 {
            text.push_str(&format!("  {} {what}.\n", grouped(count)));
        }
    }
    text.push_str(&render_days(&record.days, "callers"));
    text.push_str(&render_threshold(
        record.below_threshold_since.as_deref(),
        &record.days,
        record.threshold,
    ));
    text
}

fn render_rule(rule: &RuleForecast, threshold: f64, palette: Palette) -> String {
    let mut text = format!("\n{}\n", palette.paint(Hue::Bold, &rule.rule));
    if rule.requests == 0 {
        text.push_str("  It applies to no request of the logs.\n");
        return text;
    }
    let refused = describe_part(rule.refused, rule.requests);
    let hue = if rule.refused == 0 { Hue::Good } else { Hue::Bad };
    let line = format!("refuses {refused} of {} requests", grouped(rule.requests));
    text.push_str(&format!("  {}", palette.paint(hue, line)));
    if rule.clients > 0 {
        let refused = describe_part(rule.refused_clients, rule.clients);
        let (clients, by) = (grouped(rule.clients), &rule.clients_by);
        text.push_str(&format!(" and {refused} of {clients} clients (by {by})"));
    }
    text.push('\n');
    if rule.unknown > 0 {
        let unknown = describe_part(rule.unknown, rule.requests);
        let facts = rule.not_recorded.join(", ");
        let line = format!("unknown for {unknown}: the logs do not record {facts}");
        text.push_str(&format!("  {}\n", palette.paint(Hue::Warning, line)));
    }
    for (name, entries) in [
        ("clients", &rule.top.clients),
        ("networks", &rule.top.networks),
        ("paths", &rule.top.paths),
        ("agents", &rule.top.agents),
    ] {
        text.push_str(&render_top(name, entries));
    }
    if rule.refused > 0 {
        text.push_str(&render_days(&rule.days, "clients"));
        let since = rule.below_threshold_since.as_deref();
        text.push_str(&render_threshold(since, &rule.days, threshold));
    }
    for step in &rule.steps {
        text.push_str(&render_step(step, rule));
    }
    text.push_str(&render_step_gaps(rule, palette));
    text
}

fn render_top(name: &str, entries: &[TopEntry]) -> String {
    let mut text = String::new();
    for (index, entry) in entries.iter().enumerate() {
        let title = if index == 0 { name } else { "" };
        let error = entry.at_most - entry.at_least;
        let bound = if error > 0 { format!(" (± {})", grouped(error)) } else { String::new() };
        let count = grouped(entry.at_least);
        text.push_str(&format!("  {title:<9} {count:>12}{bound}  {}\n", entry.item));
    }
    text
}

fn render_days(days: &[ForecastDay], callers: &str) -> String {
    if days.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "  {:<10} {:>12} {:>9} {:>9} {callers:>10} {:>9}\n",
        "day", "requests", "refused", "unknown", "refused"
    );
    for (index, day) in days.iter().enumerate() {
        let is_hidden = days.len() > DAYS && (DAYS / 2..days.len() - DAYS / 2).contains(&index);
        if is_hidden {
            if index == DAYS / 2 {
                text.push_str(&format!("  … {} days …\n", days.len() - DAYS / 2 * 2));
            }
            continue;
        }
        let refused = format_percent(share_of(day.refused, day.requests));
        let unknown = format_percent(share_of(day.unknown, day.requests));
        let refused_callers = format_percent(share_of(day.refused_callers, day.callers));
        text.push_str(&format!(
            "  {:<10} {:>12} {refused:>9} {unknown:>9} {:>10} {refused_callers:>9}\n",
            day.day,
            grouped(day.requests),
            grouped(day.callers)
        ));
    }
    text
}

fn render_threshold(since: Option<&str>, days: &[ForecastDay], threshold: f64) -> String {
    if days.is_empty() {
        return String::new();
    }
    let percent = format_percent(threshold);
    match since {
        Some(since) => format!("  Below {percent} since {since}.\n"),
        None => format!("  Not below {percent} on the last day.\n"),
    }
}

fn render_step(step: &StepRecord, rule: &RuleForecast) -> String {
    let at = shorten_date(&step.at);
    let until = match &step.until {
        Some(until) => format!(" to {}", shorten_date(until)),
        None => String::new(),
    };
    let share = if step.phase == "ramp" {
        format!(" at {}", format_percent(step.share))
    } else {
        String::new()
    };
    let refused = format_percent(share_of(step.refused, rule.requests));
    let clients = format_percent(share_of(step.refused_clients, rule.clients));
    let unknown = if step.unknown > 0 {
        format!(", unknown for {}", format_percent(share_of(step.unknown, rule.requests)))
    } else {
        String::new()
    };
    format!(
        "  from {at}{until} {}{share}: {refused} of requests, {clients} of clients{unknown}\n",
        step.phase
    )
}

/// The facts that make a step unknown, beside those that make the rule unknown.
fn render_step_gaps(rule: &RuleForecast, palette: Palette) -> String {
    let mut facts: Vec<&str> = Vec::new();
    for step in &rule.steps {
        for fact in &step.not_recorded {
            if !rule.not_recorded.contains(fact) && !facts.contains(&fact.as_str()) {
                facts.push(fact);
            }
        }
    }
    if facts.is_empty() {
        return String::new();
    }
    let line = format!("unknown in the ramp: the logs do not record {}", facts.join(", "));
    format!("  {}\n", palette.paint(Hue::Warning, line))
}

fn render_other_lines(record: &ForecastRecord, palette: Palette) -> String {
    let mut text = String::new();
    if !record.not_requests.is_empty() || !record.malformed_lines.is_empty() {
        text.push_str(&format!("\n{}\n", palette.paint(Hue::Bold, "Lines that are not counted")));
    }
    for other in &record.not_requests {
        text.push_str(&format!("  {:>12}  not a request: {}\n", grouped(other.count), other.kind));
    }
    for malformed in &record.malformed_lines {
        text.push_str(&format!(
            "  {:>12}  malformed: {}, first in {}:{}\n                {}\n",
            grouped(malformed.count),
            malformed.kind,
            malformed.path,
            malformed.line,
            malformed.example
        ));
    }
    text
}

/// `1,234 (12.3%)`.
fn describe_part(part: u64, whole: u64) -> String {
    format!("{} ({})", grouped(part), format_percent(share_of(part, whole)))
}

/// Leaves midnight off, so that it is a date.
fn shorten_date(time: &str) -> &str {
    time.strip_suffix("T00:00:00Z").unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_singular() {
        assert_eq!([counted(1, "line"), counted(1_234, "line")], ["1 line", "1,234 lines"]);
    }

    #[test]
    fn numbers_have_groups() {
        assert_eq!(
            [grouped(0), grouped(999), grouped(1_000), grouped(1_234_567)],
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
