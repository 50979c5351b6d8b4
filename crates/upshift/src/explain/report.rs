//! An explanation for a person.

use std::io;

use upshift_config::make_visible;
use upshift_core::TlsState;
use upshift_gateway::ExplainQuery;
use upshift_record::{DecisionRecord, RulingRecord};

use crate::terminal::{Hue, Palette, visible_record};

/// The whole explanation.
pub(super) fn render_explanation(
    query: &ExplainQuery,
    record: &DecisionRecord,
    palette: Palette,
) -> io::Result<String> {
    // The lines of the answer's body are made visible one by one.
    let body = record.answer.as_ref().map_or("", |answer| answer.body.as_str());
    let record = &visible_record(record)?;
    let mut text = render_request(query);
    text.push_str(&format!("\n{}\n", render_verdict(record, palette)));
    if record.rules.is_empty() {
        text.push_str("\nThe policy has no rules.\n");
    } else {
        text.push('\n');
    }
    let width =
        record.rules.iter().map(|ruling| ruling.rule.chars().count()).max().unwrap_or_default();
    for ruling in &record.rules {
        text.push_str(&render_ruling(ruling, width, palette));
    }
    if let Some(answer) = &record.answer {
        text.push_str(&format!("\n{}\n", palette.paint(Hue::Bold, "The answer:")));
        text.push_str(&render_answer(query, answer.status, &answer.fields, body));
    }
    if !record.notice.is_empty() {
        text.push_str(&format!(
            "\n{}\n",
            palette.paint(Hue::Bold, "Added to the upstream's answer:")
        ));
        record
            .notice
            .iter()
            .for_each(|(name, value)| text.push_str(&format!("  {name}: {value}\n")));
    }
    Ok(text)
}

fn render_request(query: &ExplainQuery) -> String {
    let tls = match query.tls() {
        TlsState::Cleartext => "in clear".to_owned(),
        TlsState::Version(version) => format!("over {version}"),
        TlsState::SomeVersion => "over TLS".to_owned(),
    };
    let line = format!("{} {}", query.method, query.target);
    let mut text = format!("{}\n", make_visible(&line));
    text.push_str(&format!(
        "HTTP/{} {tls} from {} at {}\n",
        query.http.as_str(),
        query.peer,
        time_in_seconds(query)
    ));
    for (name, value) in &query.fields {
        text.push_str(&format!("{name}: {}\n", make_visible(value)));
    }
    text
}

fn time_in_seconds(query: &ExplainQuery) -> String {
    query.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn render_verdict(record: &DecisionRecord, palette: Palette) -> String {
    let rule = record.rule.as_deref();
    let top =
        record.rules.iter().find(|ruling| Some(ruling.rule.as_str()) == rule && ruling.matched);
    let why = top.map(|top| format!(": {}", top.why)).unwrap_or_default();
    let by = rule.map(|rule| format!(" by {rule}")).unwrap_or_default();
    let also = match record.also.as_slice() {
        [] => String::new(),
        others => format!("\nAlso refused by {}.", others.join(", ")),
    };
    match record.verdict.as_ref() {
        "refuse" => {
            format!(
                "{}{by} with {}{why}{also}",
                palette.paint(Hue::Bad, "REFUSED"),
                record.status.unwrap_or_default()
            )
        }
        "warn" => format!("{}{by}{why}", palette.paint(Hue::Warning, "ADMITTED WITH A WARNING")),
        "exempt" => format!("{}{why}", palette.paint(Hue::Warning, "EXEMPT")),
        _ if rule.is_none() => format!("{}: no rule applies", palette.paint(Hue::Good, "ADMITTED")),
        _ => palette.paint(Hue::Good, "ADMITTED").to_string(),
    }
}

fn render_ruling(ruling: &RulingRecord, width: usize, palette: Palette) -> String {
    let (sign, hue) = match (ruling.matched, ruling.verdict.as_ref()) {
        (false, _) => ("·", Hue::Faint),
        (true, "refuse") => ("✗", Hue::Bad),
        (true, "warn") => ("!", Hue::Warning),
        (true, "exempt") => ("○", Hue::Warning),
        (true, _) => ("✓", Hue::Good),
    };
    let verdict = if ruling.matched { ruling.verdict.as_ref() } else { "-" };
    let head = format!("{sign} {:<width$}  {verdict:<6}  {:<8}", ruling.rule, ruling.phase);
    format!("  {}  {}\n", palette.paint(hue, head), ruling.why)
}

fn render_answer(
    query: &ExplainQuery,
    status: u16,
    fields: &[(String, String)],
    body: &str,
) -> String {
    let version = query.http.as_str();
    let phrase = match version {
        "2" | "3" => "",
        _ => upshift_core::answer::reason_phrase(status),
    };
    let mut text = format!("  HTTP/{version} {status} {phrase}").trim_end().to_owned() + "\n";
    fields.iter().for_each(|(name, value)| text.push_str(&format!("  {name}: {value}\n")));
    if !body.is_empty() {
        text.push('\n');
        for line in body.lines() {
            text.push_str(format!("  {}", make_visible(line)).trim_end());
            text.push('\n');
        }
    }
    text
}
