//! The breaker of a rule, its trips, and the exemptions from it.

use maud::{Markup, html};
use upshift_record::control::{BreakerStatus, TripReport};
use upshift_record::number_text::{counted, format_percent, grouped};

use super::place::Place;
use crate::gateway_sections::exemption_table;
use crate::phase::breaker_badge;
use crate::table::{Column, Table, number_cell, text_cell};
use crate::time_text::time_element;
use crate::view::RuleView;

const TRIP_COLUMNS: [Column<'static>; 5] = [
    Column::text("Time"),
    Column::number("Refused"),
    Column::number("Seen"),
    Column::number("Share"),
    Column::text("Summary"),
];

/// The breaker, its trips and the exemptions.
pub(super) fn render(rule: &RuleView<'_>, place: &Place<'_>) -> Markup {
    let breaker = rule.status.and_then(|status| status.breaker.as_ref());
    let content = html! {
        @match (breaker, rule.status) {
            (Some(breaker), _) => (breaker_state(breaker)),
            (None, Some(_)) => p.empty { "This rule has no breaker." },
            (None, None) => {},
        }
        @if rule.trips.is_empty() {
            p.empty { "Never tripped." }
        } @else {
            (trips_table(&rule.trips, &place.caption("Trips of the breaker")).render_folded("trip"))
        }
    };
    let exemptions = html! {
        @if rule.exemptions.is_empty() {
            p.empty { "No one is exempt from this rule." }
        } @else {
            (exemption_table(&place.caption("Exemptions from the rule"), &rule.exemptions, place.now))
        }
    };
    html! {
        // A store has neither the state of the breaker nor the exemptions.
        @if rule.status.is_some() || !rule.trips.is_empty() {
            (place.section("breaker", &rule.scope.own_heading("Breaker"), &content))
        }
        @if rule.status.is_some() {
            (place.section("exempt", &rule.scope.own_heading("Exemptions"), &exemptions))
        }
    }
}

fn breaker_state(breaker: &BreakerStatus) -> Markup {
    html! {
        p {
            (breaker_badge(&breaker.state)) " "
            (grouped(breaker.refused)) " of " (counted(breaker.seen, "caller"))
            " refused in the last " (breaker.window) " seconds (" (format_percent(breaker.share))
            "). It trips above " (format_percent(breaker.refused_share)) " of at least "
            (counted(breaker.minimum, "caller")) "."
        }
        @if breaker.withheld > 0 {
            p {
                (counted(breaker.withheld, "trip"))
                " withheld since the start because of one network"
                @if let Some(network) = &breaker.top_network { " (now " code { (network) } ")" }
                ": without it, the limit was not crossed, or too few callers were left to tell."
            }
        }
    }
}

fn trips_table<'a>(trips: &[&TripReport], caption: &'a str) -> Table<'a> {
    let mut rows = Vec::new();
    for trip in trips {
        rows.push(vec![
            time_element(&trip.at),
            number_cell(trip.refused),
            number_cell(trip.seen),
            text_cell(&format_percent(trip.share)),
            html! { span.prose { (trip.message) } },
        ]);
    }
    Table { caption, hides_caption: true, columns: &TRIP_COLUMNS, rows }
}
