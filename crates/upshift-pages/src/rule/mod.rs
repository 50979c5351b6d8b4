//! The sections about one rule.

mod adoption_curve;
mod callers;
mod next_steps;
mod numbers;
mod place;
mod safety;
mod verdicts;
mod versions;

use maud::{Markup, html};

pub(crate) use self::numbers::sentence as numbers_sentence;
pub(crate) use self::place::Place;
use crate::gateway_sections::{gateway_footer, missing_numbers_notice, not_known_note};
use crate::layout::{Delivery, Page};
use crate::link::{rule_anchor, rule_path};
use crate::overview::{phase_text, strip};
use crate::period::Period;
use crate::urgency::Urgency;
use crate::view::{GatewayView, RuleView};

/// Renders the page of a rule. `further` is shown after the sections, such as forms for changes.
pub fn render_rule_page(
    view: &GatewayView,
    rule: &RuleView<'_>,
    period: Period,
    delivery: Delivery<'_>,
    further: &Markup,
) -> String {
    let place = Place { now: &view.now, rule: rule.id, id: rule_anchor(rule.id), has_page: true };
    let main = html! {
        p.breadcrumb { a href="/" { "All rules" } }
        div.title-row {
            h1 { (numbers_sentence(rule)) }
            (period.links(&rule_path(rule.id)))
        }
        (rule_lead(rule, &view.now))
        (strip(view, period))
        (missing_numbers_notice(&view.adoption))
        (not_known_note(view.report()))
        (rule_sections(rule, &place))
        (further)
    };
    let footer = html! {
        @if let Some(gateway) = &view.gateway { (gateway_footer(gateway)) }
    };
    Page { title: rule.id, delivery, main, footer }.render_html()
}

/// The phase of a rule, and why to look at it.
pub(crate) fn rule_lead(rule: &RuleView<'_>, now: &str) -> Markup {
    html! {
        p.lead { (phase_text(rule, now)) }
        @if let Some(urgency) = Urgency::of_rule(rule, now) {
            p.rule-urgency { (urgency.sentence()) }
        }
    }
}

/// All sections about a rule.
pub(crate) fn rule_sections(rule: &RuleView<'_>, place: &Place<'_>) -> Markup {
    html! {
        @if let Some(recorded) = rule.recorded() {
            (numbers::render(rule, recorded, place))
            (adoption_curve::render(rule, recorded, place))
            (verdicts::render(recorded, place))
            @if rule.knows("rules.versions") { (versions::render(recorded, place)) }
            @if rule.knows("rules.clients") { (callers::render(recorded, place)) }
        }
        (next_steps::render(rule, place))
        (safety::render(rule, place))
    }
}
