//! The overview: all rules, those that need attention first, and the gateway as a whole.

use maud::{Markup, html};
use upshift_record::adoption::{RuleAdoption, SeriesPoint};
use upshift_record::number_text::{counted, format_percent, grouped, share_of, share_text};

use crate::charts::sparkline::render_sparkline;
use crate::gateway_sections as sections;
use crate::layout::{Delivery, Page};
use crate::link::rule_path;
use crate::period::Period;
use crate::phase::phase_badge;
use crate::table::{more_of, render_fold};
use crate::time_text::{date_element, distance_text, time_element};
use crate::urgency::Urgency;
use crate::view::{GatewayView, RuleView, Scope};

/// The most rules that are all in view.
const MOST_RULES: usize = 30;
/// The fewest rules that are in view if there are more.
const SHOWN_RULES: usize = 20;
/// The most that are in view if more need attention.
const URGENT_RULES: usize = 50;

/// Renders the overview. `further` is shown between the rules and the upstreams.
pub fn render_overview(
    view: &GatewayView,
    period: Period,
    delivery: Delivery<'_>,
    further: &Markup,
) -> String {
    let rules = ranked_rules(view);
    let urgent = rules.iter().filter(|(urgency, _)| urgency.is_some()).count();
    let (gateway, scope) = (view.gateway.as_ref(), view.scope());
    let main = html! {
        div.title-row {
            h1 { (headline(rules.len(), urgent)) }
            (period.links("/"))
        }
        (strip(view, period))
        (sections::missing_numbers_notice(&view.adoption))
        (sections::not_known_note(view.report()))
        (unsaved_notice(view))
        section aria-labelledby="rules" {
            h2 #rules { "Rules" }
            @if rules.is_empty() {
                p.empty { "The policy has no rules: every request is admitted." }
            } @else {
                (rule_list(&rules, urgent, &view.now))
            }
        }
        (further)
        @if let Some(report) = view.report() {
            @if report.total.requests > 0 { (sections::traffic_section(report)) }
        }
        (sections::upstreams_section(gateway.map_or(&[], |gateway| &gateway.endpoints), scope))
        (sections::trips_section(&view.trips, scope))
        (sections::exemptions_section(view.exemptions(), &view.now, scope))
        (sections::api_section())
    };
    let footer = html! { @if let Some(gateway) = gateway { (sections::gateway_footer(gateway)) } };
    Page { title: "Rules", delivery, main, footer }.render_html()
}

/// The rules, the most urgent ones first, and otherwise in the order of the file.
fn ranked_rules(view: &GatewayView) -> Vec<(Option<Urgency>, RuleView<'_>)> {
    let mut ranked = Vec::new();
    for rule in view.rules() {
        ranked.push((Urgency::of_rule(&rule, &view.now), rule));
    }
    ranked.sort_by(|(a, _), (b, _)| {
        // Rules without a reason come last. The sort is stable.
        a.is_none().cmp(&b.is_none()).then_with(|| rank(a.as_ref()).cmp(&rank(b.as_ref())))
    });
    ranked
}

/// The rank of the kind of reason, whatever its text is.
fn rank(urgency: Option<&Urgency>) -> u8 {
    match urgency {
        Some(Urgency::Tripped) => 0,
        Some(Urgency::StepAhead(_)) => 1,
        Some(Urgency::Held(_)) => 2,
        None => 3,
    }
}

fn headline(rules: usize, urgent: usize) -> String {
    let total = counted(rules as u64, "rule");
    match (rules, urgent) {
        (0, _) => "No rules".to_owned(),
        (_, 0) => format!("{total}, none needs attention"),
        (1, _) => "The rule needs attention".to_owned(),
        (_, 1) => format!("1 of {total} needs attention"),
        _ => format!("{} of {total} need attention", grouped(urgent as u64)),
    }
}

/// The facts that all numbers of the page depend on.
pub(crate) fn strip(view: &GatewayView, period: Period) -> Markup {
    html! {
        dl.strip {
            (sections::fleet_source(&view.adoption))
            @if let Some(report) = view.report() {
                div {
                    dt { "Recording since" }
                    dd {
                        @match &report.recording_since {
                            Some(since) => (time_element(since)),
                            None => "no request yet",
                        }
                    }
                }
                div {
                    dt { "Requests in " (period.words()) }
                    dd #total-requests data-requests=(report.total.requests) {
                        (sections::requests_text(report))
                    }
                }
            }
            // A report of a fleet is kept for some seconds.
            @let as_of = view.report().map_or(&view.now, |report| &report.now);
            div { dt { "As of" } dd { (time_element(as_of)) } }
        }
    }
}

fn unsaved_notice(view: &GatewayView) -> Markup {
    let unsaved = view.status.as_ref().map_or(0, |status| status.unsaved);
    if unsaved == 0 {
        return html! {};
    }
    let verb = if unsaved == 1 { "is" } else { "are" };
    crate::notice::notice_box(&html! {
        strong { (counted(unsaved, "change")) " " (verb) " in force but not in the store." }
        " A restart forgets what is not stored; the log says why it cannot be written."
    })
}

/// The rules; of many, those that need attention or some, and the rest folded.
fn rule_list(rules: &[(Option<Urgency>, RuleView<'_>)], urgent: usize, now: &str) -> Markup {
    let shown = match rules.len() {
        all @ ..=MOST_RULES => all,
        // Those that need attention come first.
        all => urgent.clamp(SHOWN_RULES, URGENT_RULES).min(all),
    };
    let (first, rest) = rules.split_at(shown);
    html! {
        (rule_rows(first, now))
        @if !rest.is_empty() {
            (render_fold(&more_of(rest.len(), "rule"), &rule_rows(rest, now)))
        }
    }
}

fn rule_rows(rules: &[(Option<Urgency>, RuleView<'_>)], now: &str) -> Markup {
    html! {
        ol.rules {
            @for (urgency, rule) in rules { (rule_row(rule, urgency.as_ref(), now)) }
        }
    }
}

fn rule_row(rule: &RuleView<'_>, urgency: Option<&Urgency>, now: &str) -> Markup {
    html! {
        li.rule-row {
            div.rule-name {
                h3 { a href=(rule_path(rule.id)) { (rule.id) } }
                p.rule-phase { (phase_text(rule, now)) (breaker_text(rule)) }
            }
            div.rule-share { (share_lines(rule)) }
            div.rule-trend {
                @if let Some(recorded) = rule.recorded() { (trend(recorded)) }
            }
            p.rule-outlook {
                @if let Some(recorded) = rule.recorded() { (outlook(recorded)) }
            }
            @if let Some(urgency) = urgency {
                p.rule-urgency { (urgency.sentence()) }
            }
        }
    }
}

/// The phase of a rule, and its next step.
pub(crate) fn phase_text(rule: &RuleView<'_>, now: &str) -> Markup {
    let coming = rule.coming(now);
    html! {
        @match rule.phase() {
            Some(phase) => (phase_badge(phase)),
            None => span.soft { "no longer in the policy" },
        }
        @if let Some(other) = rule.other_phase() {
            span.soft { " on this gateway, " (other) " in the fleet" }
        }
        @if let Some(next) = coming.first() {
            @let from = next.from.as_deref().unwrap_or_default();
            span.soft {
                " then " (next.phase) " on " (date_element(from))
                @if let Some(distance) = distance_text(from, now) { ", " (distance) }
            }
        }
    }
}

/// The state of the breaker, if it watches the rule.
fn breaker_text(rule: &RuleView<'_>) -> Markup {
    let breaker = rule.status.and_then(|status| status.breaker.as_ref());
    html! {
        @if let Some(breaker) = breaker.filter(|breaker| breaker.state != "idle") {
            span.soft { " · breaker " (breaker.state) }
        }
    }
}

/// The projection of a rule as a sentence.
pub(crate) fn outlook(rule: &RuleAdoption) -> &str {
    // The projection is about weeks, and would ask for more of them.
    if rule.behind.callers == Some(0) {
        return "No caller of this period is behind.";
    }
    &rule.projection.sentence
}

fn share_lines(rule: &RuleView<'_>) -> Markup {
    let Some(RuleAdoption { total, behind, .. }) = rule.recorded() else {
        let text = match (rule.adoption, rule.scope) {
            (Some(_), _) => "no request",
            (None, Scope::Gateway) => "not recorded",
            (None, Scope::Fleet) => "not known",
        };
        return html! { p.soft { (text) } };
    };
    if behind.callers.is_none() || total.callers.is_none() {
        return html! {
            p { strong { (share_text(behind.requests, total.requests)) } " of requests behind" }
            p.soft { (grouped(behind.requests)) " of " (grouped(total.requests)) }
        };
    }
    html! {
        p { strong { (share_text(behind.callers, total.callers)) } " of callers behind" }
        p.soft { (grouped(behind.callers)) " of " (grouped(total.callers)) }
    }
}

fn trend(rule: &RuleAdoption) -> Markup {
    // Without distinct callers, the share of requests is all that is known.
    let unit = if rule.total.callers.is_some() { "callers" } else { "requests" };
    let mut shares = Vec::new();
    for SeriesPoint { total, behind, .. } in &rule.series {
        shares.push(match rule.total.callers {
            Some(_) => share_of(behind.callers, total.callers),
            None => share_of(behind.requests, total.requests),
        });
    }
    let (first, last) = (shares.iter().flatten().next(), shares.iter().flatten().next_back());
    let name = match (first, last) {
        (Some(first), Some(last)) => format!(
            "Share of {unit} behind, from {} to {}",
            format_percent(*first),
            format_percent(*last)
        ),
        _ => format!("Share of {unit} behind: no data"),
    };
    render_sparkline(&shares, &name)
}
