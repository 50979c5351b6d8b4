//! The explanation of a decision for people.

use std::io;

use upshift_config::make_visible;
use upshift_core::TlsState;
use upshift_gateway::ExplainQuery;
use upshift_record::{DecisionRecord, RulingRecord};

use crate::terminal::{Hue, Palette, visible_record};

/// Renders the whole explanation.
pub(super) fn render_explanation(
    query: &ExplainQuery,
    record: &DecisionRecord,
    palette: Palette,
) -> io::Result<String> {
    let visible = visible_record(record)?;
    let mut text = render_request(query);
    text.push_str(&format!("\n{}\n\n", render_verdict(&visible, palette)));
    if is_local_reply(&visible) {
        text.push_str("No rule was evaluated: the gateway answers such a request itself.\n");
    } else if visible.rules.is_empty() {
        text.push_str("The policy has no rules.\n");
    }
    // Characters, as `{:<width$}` pads by them.
    let widths = visible.rules.iter().map(|ruling| ruling.rule.chars().count());
    let width = widths.max().unwrap_or_default();
    for ruling in &visible.rules {
        text.push_str(&render_ruling(ruling, width, palette));
    }
    if let (Some(answer), Some(unescaped)) = (&visible.answer, &record.answer) {
        text.push_str(&format!("\n{}\n", palette.paint(Hue::Bold, "The answer:")));
        // A visible body would have escapes for its newlines, so its lines are made visible one by
        // one.
        let (status, body) = (answer.status, &unescaped.body);
        text.push_str(&render_answer(query, status, &answer.fields, body));
    }
    if !visible.notice.is_empty() {
        let title = palette.paint(Hue::Bold, "Added to the upstream's answer:");
        text.push_str(&format!("\n{title}\n"));
        push_fields(&mut text, &visible.notice);
    }
    Ok(text)
}

/// Returns true if the gateway answers by itself, before the policy decides.
fn is_local_reply(record: &DecisionRecord) -> bool {
    record.answer.is_some() && record.rule.is_none()
}

fn render_request(query: &ExplainQuery) -> String {
    let tls = match query.tls() {
        TlsState::Cleartext => "in cleartext".to_owned(),
        TlsState::Version(version) => format!("over {version}"),
        TlsState::SomeVersion => "over TLS".to_owned(),
    };
    let line = format!("{} {}", query.method, query.target);
    let mut text = format!("{}\n", make_visible(&line));
    let time = query.at.strftime("%Y-%m-%dT%H:%M:%SZ");
    let (http, peer) = (query.http.as_str(), query.peer);
    text.push_str(&format!("HTTP/{http} {tls} from {peer} at {time}\n"));
    // The names were checked to be tokens, so they have nothing to escape.
    for (name, value) in &query.fields {
        text.push_str(&format!("{name}: {}\n", make_visible(value)));
    }
    text
}

fn render_verdict(record: &DecisionRecord, palette: Palette) -> String {
    let (mut by, mut why) = (String::new(), String::new());
    if let Some(rule) = &record.rule {
        by = format!(" by {rule}");
        let is_decisive = |ruling: &&RulingRecord| ruling.rule == *rule && ruling.matched;
        if let Some(ruling) = record.rules.iter().find(is_decisive) {
            why = format!(": {}", ruling.why);
        }
    }
    let also = match record.also.as_slice() {
        [] => String::new(),
        others => format!("\nAlso refused by {}.", others.join(", ")),
    };
    match record.verdict.as_ref() {
        "refuse" => {
            let refused = palette.paint(Hue::Bad, "REFUSED");
            // A refusal always has one.
            let status = record.status.unwrap_or_default();
            format!("{refused}{by} with {status}{why}{also}")
        }
        "warn" => format!("{}{by}{why}", palette.paint(Hue::Warning, "ADMITTED WITH A WARNING")),
        "exempt" => format!("{}{why}", palette.paint(Hue::Warning, "EXEMPT")),
        _ if is_local_reply(record) => {
            let status = record.status.unwrap_or_default();
            format!("{} with {status}", palette.paint(Hue::Good, "ANSWERED"))
        }
        _ if record.rule.is_none() => {
            format!("{}: no rule applies", palette.paint(Hue::Good, "ADMITTED"))
        }
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
        // RFC 9113 §8.3.2, RFC 9114 §4.3.2: there is no reason phrase.
        "2" | "3" => "",
        _ => upshift_core::answer::reason_phrase(status),
    };
    let mut text = format!("  HTTP/{version} {status} {phrase}").trim_end().to_owned() + "\n";
    push_fields(&mut text, fields);
    if !body.is_empty() {
        text.push('\n');
        for line in body.lines() {
            text.push_str(format!("  {}", make_visible(line)).trim_end());
            text.push('\n');
        }
    }
    text
}

fn push_fields(text: &mut String, fields: &[(String, String)]) {
    for (name, value) in fields {
        text.push_str(&format!("  {name}: {value}\n"));
    }
}
