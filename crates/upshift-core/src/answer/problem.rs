//! The members of `application/problem+json` (RFC 9457): the body of a refusal for programs.

use super::json::Json;
use super::kinds::{summarize_requirement, upgrade_url};
use super::protocols::protocol_texts;
use super::refusal_parts::RefusalParts;
use super::shaped_rule::ShapedRule;
use super::words::refusal_text;
use crate::prepared::{Hole, ObservedPart, RulingHole, Template, template};

/// The body, ending with a line break. `detail` is first because people read it, too.
pub(super) fn problem_body(refusal: &RefusalParts<'_>) -> Template {
    let top = refusal.top;
    let rule = top.rule;
    let mut members = vec![
        ("detail", Json::Text(refusal.text.detail.clone())),
        // RFC 9457 §4.2.1: "about:blank" says no more than the status code does.
        ("type", Json::text(rule.docs.as_deref().unwrap_or("about:blank"))),
        ("title", Json::text(refusal.status.reason_phrase())),
        ("status", Json::fixed(&refusal.status.code())),
        ("instance", Json::Text(template![Hole::Path])),
        ("rule", Json::text(&rule.id)),
        ("phase", Json::text(refusal.shape.phase.as_str())),
        ("reason", Json::text(top.ruling.reason.as_str())),
        ("observed", observed_values(top)),
        ("required", Json::List(rule.require.iter().map(required_value).collect())),
        ("upgrade", upgrade_advice(refusal)),
    ];
    let links = [("docs", &rule.docs), ("successor", &rule.successor)];
    for (name, link) in links {
        if let Some(link) = link {
            members.push((name, Json::text(link)));
        }
    }
    if let Some(sunset) = rule.sunset() {
        members.push(("sunset", Json::text(&sunset.to_string())));
    }
    let has_window_end = refusal.shape.has_window_end;
    if has_window_end {
        let end = Json::Text(template![Hole::WindowEnd]);
        members.push(("window", Json::Object(vec![("ends_at", end)])));
    }
    members.push(("retryable", Json::fixed(&has_window_end)));
    // The other rules that refuse, so that a client can fix everything at once.
    if !refusal.others.is_empty() {
        let others = refusal.others.iter().map(other_refusal).collect();
        members.push(("also", Json::List(others)));
    }
    members.push(("request_id", Json::Text(template![Hole::RequestId])));
    let mut body = Template::default();
    Json::Object(members).write_pretty(0, &mut body);
    // Without it, a shell would print its prompt on the last line of the body.
    body.push("\n");
    body
}

fn observed_values(top: ShapedRule<'_>) -> Json {
    let mut values = Vec::new();
    for index in 0..top.ruling.observed {
        let kind = template![top.hole(RulingHole::Observed(index, ObservedPart::Kind))];
        let value = template![top.hole(RulingHole::Observed(index, ObservedPart::ShownValue))];
        let read = template![top.hole(RulingHole::Observed(index, ObservedPart::Place))];
        values.push(Json::Object(vec![
            ("kind", Json::Text(kind)),
            ("value", Json::Text(value)),
            ("read", Json::Text(read)),
        ]));
    }
    Json::List(values)
}

fn required_value(requirement: &crate::policy::Requirement) -> Json {
    Json::fixed(&summarize_requirement(requirement))
}

fn upgrade_advice(refusal: &RefusalParts<'_>) -> Json {
    let mut members = Vec::new();
    if let Some(url) = upgrade_url(refusal.top) {
        members.push(("url", Json::Text(url)));
    }
    let protocols = protocol_texts(refusal.top);
    members
        .push(("protocols", Json::List(protocols.iter().map(|text| Json::text(text)).collect())));
    members.push(("instructions", Json::Text(refusal.text.instructions.clone())));
    Json::Object(members)
}

fn other_refusal(other: &ShapedRule<'_>) -> Json {
    let detail = refusal_text(*other).detail;
    Json::Object(vec![("rule", Json::text(&other.rule.id)), ("detail", Json::Text(detail))])
}
