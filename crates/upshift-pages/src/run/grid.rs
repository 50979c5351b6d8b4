//! The grid: a row for each case, a column for each lane.

use std::collections::BTreeMap;

use maud::{Markup, html};
use upshift_record::Lane;
use upshift_record::suite::RunRecord;

use super::placed_case::{PlacedCase, state_badge};
use crate::table::{Column, Table};
use crate::visible_text::visible_lines;

/// A grid for each suite.
pub(super) fn render_grids(record: &RunRecord, cases: &[PlacedCase<'_>]) -> Markup {
    let mut suites: Vec<&str> = record.suites.iter().map(|suite| suite.path.as_str()).collect();
    for placed in cases {
        let suite = placed.case.address.suite.as_str();
        if !suites.contains(&suite) {
            suites.push(suite);
        }
    }
    html! {
        @for suite in suites {
            @let of_suite = cases.iter().filter(|placed| placed.case.address.suite == suite);
            (render_grid(suite, &of_suite.collect::<Vec<_>>()))
        }
    }
}

fn render_grid(suite: &str, cases: &[&PlacedCase<'_>]) -> Markup {
    let mut lanes: Vec<Option<Lane>> =
        cases.iter().map(|placed| placed.case.address.lane).collect();
    // Cases without a lane come last.
    lanes.sort_by_key(|lane| (lane.is_none(), *lane));
    lanes.dedup();
    let mut columns = vec![Column::text("Case")];
    for lane in &lanes {
        columns.push(Column::text(lane.map_or("no lane", Lane::as_str)));
    }
    let mut ids: Vec<&str> = Vec::new();
    let mut cells: BTreeMap<(&str, Option<Lane>), &PlacedCase<'_>> = BTreeMap::new();
    for placed in cases {
        let (id, lane) = (placed.case.address.id.as_str(), placed.case.address.lane);
        if !ids.contains(&id) {
            ids.push(id);
        }
        cells.entry((id, lane)).or_insert(placed);
    }
    let mut rows = Vec::new();
    for id in ids {
        let mut row = vec![html! { code { (visible_lines(id)) } }];
        for lane in &lanes {
            row.push(cells.get(&(id, *lane)).map(|placed| cell_of(placed)).unwrap_or_default());
        }
        rows.push(row);
    }
    let caption = visible_lines(suite);
    Table { caption: &caption, hides_caption: false, columns: &columns, rows }.render()
}

fn cell_of(placed: &PlacedCase<'_>) -> Markup {
    let name = format!("{}: {}", placed.case.address, placed.case.state().word());
    html! {
        a.cell href={ "#case-" (placed.number) } aria-label=(name) { (state_badge(placed.case.state())) }
    }
}
