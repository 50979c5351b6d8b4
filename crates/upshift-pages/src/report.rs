//! The report of adoption as one file, which needs no gateway and no network to be read.

use maud::{Markup, html};
use upshift_record::number_text::grouped;

use crate::gateway_sections::{
    missing_numbers_notice, not_known_note, requests_text, traffic_section,
};
use crate::layout::{Delivery, Page};
use crate::link::rule_anchor;
use crate::rule::{Place, numbers_sentence, rule_lead, rule_sections};
use crate::table::{more_of, render_fold};
use crate::time_text::time_element;
use crate::view::{GatewayView, RuleView};

/// The most links to rules that are in view.
const MOST_LINKS: usize = 30;

/// Renders the report of all rules of `view`.
pub fn render_report(view: &GatewayView) -> String {
    let rules = view.rules();
    let main = html! {
        h1 { "Adoption report" }
        (report_strip(view))
        (missing_numbers_notice(&view.adoption))
        (not_known_note(view.report()))
        @if rules.len() > 1 { (contents(&rules)) }
        @for rule in &rules { (rule_part(rule, &view.now)) }
        @if let Some(report) = view.report() {
            @if report.total.requests > 0 { (traffic_section(report)) }
        }
    };
    let footer = html! { p { "Made by " code { "upshift report --html" } "." } };
    Page { title: "Adoption report", delivery: Delivery::File, main, footer }.render_html()
}

fn report_strip(view: &GatewayView) -> Markup {
    html! {
        dl.strip {
            @if let Some(report) = view.report() {
                div { dt { "Period" } dd { (time_element(&report.from)) " – " (time_element(&report.now)) } }
                @if let Some(gateways) = report.gateways {
                    div { dt { "Gateways" } dd { (grouped(gateways)) } }
                }
                @if let Some(since) = &report.recording_since {
                    div { dt { "Recording since" } dd { (time_element(since)) } }
                }
                div {
                    dt { "Requests" }
                    dd #total-requests data-requests=(report.total.requests) { (requests_text(report)) }
                }
            }
        }
    }
}

fn contents(rules: &[RuleView<'_>]) -> Markup {
    html! {
        nav aria-labelledby="contents" {
            h2 #contents { "Rules" }
            @let (first, rest) = rules.split_at(rules.len().min(MOST_LINKS));
            (rule_links(first))
            @if !rest.is_empty() {
                (render_fold(&more_of(rest.len(), "rule"), &rule_links(rest)))
            }
        }
    }
}

fn rule_links(rules: &[RuleView<'_>]) -> Markup {
    html! {
        ul.contents {
            @for rule in rules {
                li { a href={ "#" (rule_anchor(rule.id)) } { (rule.id) } }
            }
        }
    }
}

fn rule_part(rule: &RuleView<'_>, now: &str) -> Markup {
    let place = Place { now, rule: rule.id, id: rule_anchor(rule.id), has_page: false };
    html! {
        article.rule-part aria-labelledby=(place.id) {
            h2 id=(place.id) { (numbers_sentence(rule)) }
            (rule_lead(rule, now))
            (rule_sections(rule, &place))
        }
    }
}
