//! The callers by version, in the order of versions, with those that a minimum would lose. Of many
//! versions, those with the most callers are shown, and all of them below a fold.

use maud::{Markup, html};
use upshift_record::adoption::{LabelCounts, RuleAdoption};
use upshift_record::number_text::{grouped, share_of, share_text};

use super::place::Place;
use crate::charts::share_bar::render_share_bar;
use crate::phase::behind_badge;
use crate::table::{Column, Table, number_cell, render_fold, text_cell};

/// The versions that are shown at once.
const SHOWN: usize = 10;
/// The fewest versions that are worth folding.
const LEAST_FOLDED: usize = 3;

const CAPTION: &str = "Callers by version, in the order of versions";
const SHOWN_CAPTION: &str = "Versions with the most callers, in the order of versions";

const COLUMNS: [Column<'static>; 6] = [
    Column::text("Version"),
    Column::text("Share of callers"),
    Column::number("Share"),
    Column::number("Callers"),
    Column::number("Requests"),
    Column::number("Lost by this minimum"),
];

/// The versions of a rule.
pub(super) fn render(recorded: &RuleAdoption, place: &Place<'_>) -> Markup {
    let content = html! {
        @if recorded.versions.is_empty() {
            p.empty { "No version was read." }
        } @else {
            (versions_tables(recorded, place))
            p.soft.table-note {
                "A caller with several versions counts for each of them, and once in the last "
                "column: the share of callers that sent a lower version, which a minimum of this "
                "version would refuse. Callers without a readable version are not in it."
            }
        }
    };
    place.section("versions", "Versions", &content)
}

fn versions_tables(recorded: &RuleAdoption, place: &Place<'_>) -> Markup {
    let all: Vec<usize> = (0..recorded.versions.len()).collect();
    let whole = versions_table(recorded, &all, &place.caption(CAPTION)).render();
    if all.len() < SHOWN + LEAST_FOLDED {
        return whole;
    }
    let shown = most_used(&recorded.versions);
    html! {
        (versions_table(recorded, &shown, &place.caption(SHOWN_CAPTION)).render())
        (render_fold(&format!("All {} versions", grouped(all.len() as u64)), &whole))
    }
}

/// The places of the versions with the most callers, in the order of versions.
fn most_used(versions: &[LabelCounts]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..versions.len()).collect();
    places.sort_by_key(|place| {
        let total = versions[*place].total;
        std::cmp::Reverse((total.callers, total.requests))
    });
    places.truncate(SHOWN);
    places.sort_unstable();
    places
}

/// The table of the versions at these places.
fn versions_table<'a>(recorded: &RuleAdoption, places: &[usize], caption: &'a str) -> Table<'a> {
    let all = recorded.total.callers;
    let mut rows = Vec::new();
    for place in places {
        let LabelCounts { label, total, behind, callers_below } = &recorded.versions[*place];
        let share = share_of(total.callers, all).unwrap_or_default();
        let share_behind = share_of(behind.callers, all).unwrap_or_default();
        rows.push(vec![
            html! { bdi { (label) } @if behind.requests > 0 { " " (behind_badge()) } },
            render_share_bar(share, share_behind),
            text_cell(&share_text(total.callers, all)),
            number_cell(total.callers),
            number_cell(total.requests),
            text_cell(&share_below(*callers_below, all)),
        ]);
    }
    Table { caption, hides_caption: true, columns: &COLUMNS, rows }
}

/// The share of callers below a version; a dash for a label that is no version.
fn share_below(callers_below: Option<u64>, all: Option<u64>) -> String {
    match callers_below {
        Some(below) => share_text(below, all),
        None => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use upshift_record::adoption::RequestCounts;

    /// Catches a list of the lowest versions instead of those with the most callers.
    #[test]
    fn the_versions_with_the_most_callers_are_shown_in_their_order() {
        let mut versions = Vec::new();
        for number in 0..30_u64 {
            versions.push(LabelCounts {
                label: format!("1.{number}"),
                total: RequestCounts { requests: 100, callers: Some(number % 7) },
                behind: RequestCounts::default(),
                callers_below: None,
            });
        }
        assert_eq!(most_used(&versions), [4, 5, 6, 11, 12, 13, 19, 20, 26, 27]);
    }
}
