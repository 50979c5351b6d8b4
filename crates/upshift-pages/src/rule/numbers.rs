//! The sentence about a rule, and its four numbers.

use maud::{Markup, html};
use upshift_record::adoption::{ProjectionRecord, RequestCounts, RuleAdoption};
use upshift_record::number_text::{counted, grouped, share_text};

use super::place::Place;
use crate::overview::outlook;
use crate::time_text::{date_element, distance_text};
use crate::view::RuleView;

/// The state of the adoption of a rule in one sentence.
pub(crate) fn sentence(rule: &RuleView<'_>) -> Markup {
    html! {
        span.rule-id { (rule.id) }
        @match (rule.adoption, rule.recorded()) {
            (_, Some(recorded)) => (adoption_sentence(recorded)),
            (Some(_), None) => "No request matched this rule in this period",
            (None, None) => "It is not known who is behind",
        }
    }
}

fn adoption_sentence(rule: &RuleAdoption) -> String {
    let (Some(behind), Some(all)) = (rule.behind.callers, rule.total.callers) else {
        let (behind, all) = (rule.behind.requests, rule.total.requests);
        return format!("{} of {} are behind", share_text(behind, all), counted(all, "request"));
    };
    let verb = if behind == 1 { "is" } else { "are" };
    let of = format!("of {}", counted(all, "caller"));
    match behind {
        0 => format!("None {of} is behind"),
        _ => format!("{} {of} {verb} behind, {}", grouped(behind), share_text(behind, all)),
    }
}

/// The four numbers.
pub(super) fn render(rule: &RuleView<'_>, recorded: &RuleAdoption, place: &Place<'_>) -> Markup {
    let RuleAdoption { total, behind, uncertain, .. } = recorded;
    html! {
        dl.numbers {
            (number_card("Callers behind", &html! { (share_text(behind.callers, total.callers)) },
                &callers_line(behind, total)))
            (number_card("Requests behind", &html! { (share_text(behind.requests, total.requests)) },
                &requests_line(behind, uncertain, total)))
            (number_card("Below 1% of callers", &projected_date(recorded),
                &html! { (outlook(recorded)) }))
            (next_step_card(rule, place))
        }
    }
}

fn number_card(name: &str, number: &Markup, line: &Markup) -> Markup {
    html! {
        div {
            dt { (name) }
            dd.figure-number { (number) }
            dd.soft { (line) }
        }
    }
}

fn callers_line(behind: &RequestCounts, total: &RequestCounts) -> Markup {
    if behind.callers.is_none() || total.callers.is_none() {
        return html! { "Callers unknown" };
    }
    html! {
        data.callers-behind value=[behind.callers] { (grouped(behind.callers)) }
        " of "
        data.callers-total value=[total.callers] { (grouped(total.callers)) }
    }
}

fn requests_line(
    behind: &RequestCounts,
    uncertain: &RequestCounts,
    total: &RequestCounts,
) -> Markup {
    html! {
        data.requests-behind value=(behind.requests) { (grouped(behind.requests)) }
        " of "
        data.requests-total value=(total.requests) { (grouped(total.requests)) }
        @if uncertain.requests > 0 {
            "; " (share_text(uncertain.requests, total.requests))
            " unknown, because the version is missing or unreadable"
        }
    }
}

/// The answer of the projection in a few words.
fn projected_date(recorded: &RuleAdoption) -> Markup {
    if recorded.behind.callers == Some(0) {
        return html! { "reached" };
    }
    let ProjectionRecord { answer, earliest, latest, .. } = &recorded.projection;
    let earliest = date_element(earliest.as_deref().unwrap_or_default());
    html! {
        @match answer.as_str() {
            "between" => {
                (earliest) " – " (date_element(latest.as_deref().unwrap_or_default()))
            },
            "not-before" => { "not before " (earliest) },
            "below" => { "since " (earliest) },
            "not-at-this-rate" => "not at this rate",
            "few-callers" => "a few callers left",
            "not-known" => "not known",
            _ => "too early to say",
        }
    }
}

fn next_step_card(rule: &RuleView<'_>, place: &Place<'_>) -> Markup {
    let coming = rule.coming(place.now);
    let Some(next) = coming.first() else {
        return number_card(
            "Next step",
            &html! { "none" },
            &html! { "The plan has no later phase" },
        );
    };
    let from = next.from.as_deref().unwrap_or_default();
    let distance = distance_text(from, place.now).unwrap_or_default();
    number_card(
        "Next step",
        &html! { (next.phase) },
        &html! { (date_element(from)) ", " (distance) },
    )
}
