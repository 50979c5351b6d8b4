//! The requests by verdict over time: a chart for each verdict, with a scale of its own and a
//! common axis of time.

use maud::{Markup, html};
use upshift_record::adoption::{RequestCounts, RuleAdoption, SeriesPoint};
use upshift_record::number_text::grouped;

use super::place::Place;
use crate::charts::columns::render_columns;
use crate::charts::time_axis::TimeAxis;
use crate::charts::value_axis::ValueAxis;
use crate::figure::Figure;
use crate::table::{Column, Table, number_cell};
use crate::time_text::{point_text, seconds_of};

/// The height of a drawing in pixels.
const HEIGHT: u32 = 110;
/// The bottom of the columns, above the times.
const BOTTOM: f64 = 88.0;
/// The most columns of a chart.
const MAX_COLUMNS: usize = 100;

/// A verdict, and the counts that a point has of it.
struct VerdictColumn {
    verdict: &'static str,
    name: &'static str,
    counts: fn(&SeriesPoint) -> RequestCounts,
}

const VERDICTS: [VerdictColumn; 4] = [
    VerdictColumn { verdict: "admit", name: "Admitted", counts: |point| point.admitted },
    VerdictColumn { verdict: "warn", name: "Warned", counts: |point| point.warned },
    VerdictColumn { verdict: "refuse", name: "Refused", counts: |point| point.refused },
    VerdictColumn { verdict: "exempt", name: "Exempt", counts: |point| point.exempt },
];

/// The charts of all verdicts.
pub(super) fn render(recorded: &RuleAdoption, place: &Place<'_>) -> Markup {
    let content = html! {
        div.multiples {
            @for column in &VERDICTS { (verdict_figure(column, recorded, place)) }
        }
    };
    place.section("verdicts", "Requests by verdict", &content)
}

fn verdict_figure(column: &VerdictColumn, recorded: &RuleAdoption, place: &Place<'_>) -> Markup {
    let VerdictColumn { verdict, name, counts } = column;
    let bins = Bin::of_series(&recorded.series, *counts);
    let (values, axis) = (Bin::values(&bins), Bin::time_axis(&bins));
    let peak = values.iter().copied().max().unwrap_or_default();
    let total = total_of(recorded, verdict);
    let value_axis = ValueAxis::exactly_to(peak as f64, 4.0, BOTTOM);
    let drawing = html! {
        (render_columns(&values, value_axis, verdict))
        @if let Some(axis) = axis { (axis.render(f64::from(HEIGHT) - 6.0)) }
    };
    let unit = bins.first().map(Bin::unit).unwrap_or_default();
    let caption = place.caption(&format!("{name} requests over time"));
    let figure = Figure {
        id: &place.element_id(&format!("verdict-{verdict}")),
        caption: html! {
            span class={ "verdict-name " (verdict) } { (name) }
            " " data.verdict-total value=(total) data-verdict=(verdict) { (grouped(total)) }
        },
        description: &format!("{} requests; peak {} {unit}.", grouped(total), grouped(peak)),
        legend: html! { p.soft.peak { "peak " (grouped(peak)) " " (unit) } },
        drawing,
        height: HEIGHT,
        table: bin_table(&caption, &bins),
    };
    figure.render()
}

/// The requests with a verdict in the whole period.
fn total_of(recorded: &RuleAdoption, verdict: &str) -> u64 {
    let found = recorded.verdicts.iter().find(|counts| counts.label == verdict);
    found.map_or(0, |counts| counts.total.requests)
}

/// Neighbouring points, added up so that there are not too many columns.
struct Bin<'a> {
    from: &'a str,
    seconds: i64,
    requests: u64,
}

impl<'a> Bin<'a> {
    fn of_series(
        series: &'a [SeriesPoint],
        counts: fn(&SeriesPoint) -> RequestCounts,
    ) -> Vec<Self> {
        let size = series.len().div_ceil(MAX_COLUMNS).max(1);
        let mut bins = Vec::new();
        for group in series.chunks(size) {
            let Some(first) = group.first() else { continue };
            let requests = group.iter().map(|point| counts(point).requests).sum();
            let seconds = first.seconds * size as i64;
            bins.push(Bin { from: &first.from, seconds, requests });
        }
        bins
    }

    fn values(bins: &[Self]) -> Vec<u64> {
        bins.iter().map(|bin| bin.requests).collect()
    }

    fn time_axis(bins: &[Self]) -> Option<TimeAxis> {
        let (first, last) = (bins.first()?, bins.last()?);
        let end = seconds_of(last.from)? + last.seconds;
        Some(TimeAxis::between(seconds_of(first.from)?, end))
    }

    /// The length of a column in words: `per day`, `per 2 hours`.
    fn unit(&self) -> String {
        let (length, unit) = match self.seconds {
            ..86_400 => (self.seconds / 3_600, "hour"),
            _ => (self.seconds / 86_400, "day"),
        };
        if length == 1 { format!("per {unit}") } else { format!("per {length} {unit}s") }
    }
}

fn bin_table<'a>(caption: &'a str, bins: &[Bin<'_>]) -> Table<'a> {
    let mut rows = Vec::new();
    for bin in bins {
        let from = point_text(bin.from, bin.seconds);
        rows.push(vec![html! { (from) }, number_cell(bin.requests)]);
    }
    Table { caption, hides_caption: true, columns: &COLUMNS, rows }
}

const COLUMNS: [Column<'static>; 2] = [Column::text("From"), Column::number("Requests")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_points_are_added_up() {
        let mut series = Vec::new();
        for number in 0..130_u64 {
            series.push(SeriesPoint {
                from: format!("2027-01-01T00:{:02}:00Z", number % 60),
                seconds: 3_600,
                complete: true,
                total: RequestCounts::default(),
                behind: RequestCounts::default(),
                admitted: RequestCounts { requests: number, callers: Some(1) },
                warned: RequestCounts::default(),
                exempt: RequestCounts::default(),
                refused: RequestCounts::default(),
            });
        }
        let bins = Bin::of_series(&series, |point| point.admitted);
        assert_eq!(bins.len(), 65);
        assert_eq!(Bin::values(&bins).iter().sum::<u64>(), (0..130).sum::<u64>());
        assert_eq!((bins[1].requests, bins[1].unit().as_str()), (2 + 3, "per 2 hours"));
        assert!(Bin::of_series(&[], |point| point.admitted).is_empty());
    }
}
