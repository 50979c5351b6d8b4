//! The callers that are left: those behind by client, and those that are refused.

use maud::{Markup, html};
use upshift_record::adoption::{RefusedCallerRecord, RuleAdoption};
use upshift_record::number_text::{format_percent, grouped, share_text};

use super::place::Place;
use crate::table::{Column, Table, foreign_cell, number_cell, text_cell};
use crate::time_text::time_element;

const CLIENTS_CAPTION: &str = "Callers behind by client, the most first";
const REFUSED_CAPTION: &str = "Refused callers, the most refused first";

const CLIENT_COLUMNS: [Column<'static>; 4] = [
    Column::text("Client"),
    Column::number("Callers behind"),
    Column::number("Share of those behind"),
    Column::number("Requests behind"),
];

const CALLER_COLUMNS: [Column<'static>; 8] = [
    Column::text("Caller"),
    Column::number("Refused requests"),
    Column::text("Version"),
    Column::text("Client"),
    Column::text("Path"),
    Column::text("Network"),
    Column::text("First refused"),
    Column::text("Last refused"),
];

/// The callers that are left.
pub(super) fn render(recorded: &RuleAdoption, place: &Place<'_>) -> Markup {
    let content = html! {
        @if recorded.behind.requests == 0 {
            p.empty { (no_one_left(recorded)) }
        } @else {
            (clients_table(recorded, &place.caption(CLIENTS_CAPTION)).render_folded("client"))
        }
        @if recorded.refused_callers.is_empty() {
            p.empty { "No caller was refused in this period." }
        } @else {
            (refused_table(&recorded.refused_callers, &place.caption(REFUSED_CAPTION))
                .render_folded("caller"))
            p.soft.table-note {
                "Fingerprints of identities or addresses. "
                code { "POST /api/fingerprint" } " returns that of an identity that you know."
            }
        }
    };
    place.section("left", "Who is left", &content)
}

/// The sentence for a rule that no caller is behind, with the bound that this number of callers
/// allows.
fn no_one_left(recorded: &RuleAdoption) -> String {
    let Some(all) = recorded.total.callers else { return "No request is behind.".to_owned() };
    // The rule of three: with 0 of n, the share is below 3/n with a confidence of 95 %.
    let bound = (3.0 / all.max(1) as f64).min(1.0);
    format!(
        "No caller is behind: 0 of {}, so that with 95% confidence their share is below {}.",
        grouped(all),
        format_percent(bound)
    )
}

fn clients_table<'a>(recorded: &RuleAdoption, caption: &'a str) -> Table<'a> {
    let mut clients: Vec<_> =
        recorded.clients.iter().filter(|client| client.behind.requests > 0).collect();
    clients.sort_by_key(|client| std::cmp::Reverse(client.behind.callers));
    let mut rows = Vec::new();
    for client in clients {
        rows.push(vec![
            foreign_cell(&client.label),
            number_cell(client.behind.callers),
            text_cell(&share_text(client.behind.callers, recorded.behind.callers)),
            number_cell(client.behind.requests),
        ]);
    }
    Table { caption, hides_caption: false, columns: &CLIENT_COLUMNS, rows }
}

fn refused_table<'a>(callers: &[RefusedCallerRecord], caption: &'a str) -> Table<'a> {
    let mut rows = Vec::new();
    for caller in callers {
        let requests = html! {
            (grouped(caller.requests))
            @if caller.uncertainty > 0 { " (± " (grouped(caller.uncertainty)) ")" }
        };
        rows.push(vec![
            html! { code { (caller.caller) } },
            requests,
            foreign_cell(&caller.version),
            foreign_cell(&caller.client),
            html! { code { bdi { (caller.path) } } },
            html! { code { (caller.network) } },
            time_element(&caller.first_seen),
            time_element(&caller.last_seen),
        ]);
    }
    Table { caption, hides_caption: false, columns: &CALLER_COLUMNS, rows }
}
