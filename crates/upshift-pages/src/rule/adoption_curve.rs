//! The adoption curve: the share of callers behind over time, with the phases and the projection.

use maud::{Markup, html};
use upshift_record::adoption::{ProjectionRecord, RuleAdoption, SeriesPoint, WeekPoint};
use upshift_record::number_text::{format_percent, share_of, share_text};

use super::place::Place;
use crate::charts::curve::{Axes, CurvePoint, render_curve};
use crate::charts::time_axis::TimeAxis;
use crate::charts::value_axis::ValueAxis;
use crate::charts::{percent, rounded};
use crate::figure::Figure;
use crate::table::{Column, Table, number_cell, text_cell};
use crate::time_text::{point_text, seconds_of};
use crate::view::RuleView;

/// The height of the drawing in pixels.
const HEIGHT: u32 = 280;
/// The top of the plot, below the names of the phases.
const TOP: f64 = 40.0;
/// The bottom of the plot, above the times.
const BOTTOM: f64 = 252.0;
/// A week in seconds.
const WEEK: i64 = 7 * 86_400;
/// The share of callers at which a rollout counts as done.
const THRESHOLD: f64 = 0.01;
/// The narrowest band, in percent of the width, that has room for the name of its phase.
const NAMED_WIDTH: f64 = 18.0;

/// The curve; a sentence instead if no point has a caller.
pub(super) fn render(rule: &RuleView<'_>, recorded: &RuleAdoption, place: &Place<'_>) -> Markup {
    let curves = Curves::of_rule(recorded);
    let content = match time_axis(recorded, rule, place.now) {
        Some(time) if curves.has_values() => draw(rule, recorded, &curves, time, place),
        _ => html! { p.empty { "No request was seen in this period." } },
    };
    place.section("curve", "Adoption", &content)
}

/// A ring for each complete week, from which the projection is made.
fn week_marks(weeks: &[WeekPoint], axes: Axes) -> Markup {
    html! {
        @for week in weeks {
            @let middle = seconds_of(&week.from).map(|from| from + WEEK / 2);
            @let share = share_of(week.behind, week.callers);
            @if let (Some(middle), Some(share)) = (middle.filter(|at| axes.time.contains(*at)), share) {
                circle.week r="4.5" cx=(percent(axes.time.position(middle)))
                    cy=(rounded(axes.value.position(share))) {}
            }
        }
    }
}

/// The points of both curves.
struct Curves {
    callers: Vec<CurvePoint>,
    requests: Vec<CurvePoint>,
    knows_callers: bool,
}

impl Curves {
    fn of_rule(recorded: &RuleAdoption) -> Self {
        let (mut callers, mut requests) = (Vec::new(), Vec::new());
        for point in &recorded.series {
            let SeriesPoint { from, seconds, total, behind, .. } = point;
            // A point stands for its whole time.
            let Some(at) = seconds_of(from).map(|from| from + seconds / 2) else { continue };
            callers.push(CurvePoint { at, value: share_of(behind.callers, total.callers) });
            requests.push(CurvePoint { at, value: share_of(behind.requests, total.requests) });
        }
        Self { callers, requests, knows_callers: recorded.total.callers.is_some() }
    }

    fn has_values(&self) -> bool {
        self.main().iter().any(|point| point.value.is_some())
    }

    /// The curve of the callers, or that of the requests if callers are not known.
    fn main(&self) -> &[CurvePoint] {
        if self.knows_callers { &self.callers } else { &self.requests }
    }

    /// The word for what the main curve counts.
    fn unit(&self) -> &'static str {
        if self.knows_callers { "callers" } else { "requests" }
    }

    fn largest(&self) -> f64 {
        let both = self.callers.iter().chain(&self.requests);
        both.filter_map(|point| point.value).fold(THRESHOLD, f64::max)
    }
}

fn draw(
    rule: &RuleView<'_>,
    recorded: &RuleAdoption,
    curves: &Curves,
    time: TimeAxis,
    place: &Place<'_>,
) -> Markup {
    let value = ValueAxis::of_shares(curves.largest(), TOP, BOTTOM);
    let axes = Axes { time, value, height: HEIGHT };
    let drawing = html! {
        (phase_bands(rule, time))
        (value.render(format_percent))
        (time.render(f64::from(HEIGHT) - 8.0))
        (now_mark(time, place.now))
        (render_curve(&curves.requests, axes, "requests"))
        (render_curve(&curves.callers, axes, "callers"))
        (week_marks(&recorded.weeks, axes))
        (projection_mark(&recorded.projection, axes))
    };
    let caption = place.caption(&format!(
        "{} behind, over time",
        if curves.knows_callers { "Callers and requests" } else { "Requests" }
    ));
    let figure = Figure {
        id: &place.element_id("curve-chart"),
        caption: html! { "Share that is behind" },
        description: &description(curves, &recorded.series),
        legend: legend(rule, recorded, curves),
        drawing,
        height: HEIGHT,
        table: series_table(&caption, &recorded.series),
    };
    figure.render()
}

/// From the first point to now, and on to what is expected within half of that time.
fn time_axis(recorded: &RuleAdoption, rule: &RuleView<'_>, now: &str) -> Option<TimeAxis> {
    let from = seconds_of(&recorded.series.first()?.from)?;
    let now = seconds_of(now)?;
    let furthest = now + (now - from) / 2;
    let mut to = now;
    let mut expected = vec![recorded.projection.earliest.as_deref()];
    expected.push(recorded.projection.latest.as_deref());
    expected.extend(rule.plan.iter().map(|entry| entry.from.as_deref()));
    for second in expected.into_iter().flatten().filter_map(seconds_of) {
        // A step at the very end of the axis would not be seen.
        let shown = second + (now - from) / 20;
        if shown <= furthest {
            to = to.max(shown);
        }
    }
    Some(TimeAxis::between(from, to))
}

/// A band for each phase of the plan, named if there is room.
fn phase_bands(rule: &RuleView<'_>, time: TimeAxis) -> Markup {
    html! {
        @for entry in rule.plan.iter().filter(|entry| entry.set_by.is_none()) {
            @let (from, to) = (entry.from.as_deref(), entry.to.as_deref());
            @if let Some((start, width)) = time.extent(from.and_then(seconds_of), to.and_then(seconds_of)) {
                g.phase {
                    rect class={ "band " (entry.phase) } x=(percent(start)) width=(percent(width))
                        y="0" height=(BOTTOM) {}
                    @if width >= NAMED_WIDTH {
                        text.phase-name x=(percent(start)) dx="6" y="15" { (entry.phase) }
                    }
                }
            }
        }
    }
}

/// A line at the present time, if the axis goes on beyond it.
fn now_mark(time: TimeAxis, now: &str) -> Markup {
    let position = seconds_of(now).map(|now| time.position(now));
    html! {
        @if let Some(position) = position.filter(|position| *position < 100.0) {
            line.now-mark x1=(percent(position)) x2=(percent(position)) y1=(TOP - 12.0) y2=(BOTTOM) {}
        }
    }
}

/// The times between which the share is expected to fall below the threshold.
fn projection_mark(projection: &ProjectionRecord, axes: Axes) -> Markup {
    let earliest = projection.earliest.as_deref().and_then(seconds_of);
    let latest = projection.latest.as_deref().and_then(seconds_of);
    let (Some(earliest), Some(latest)) = (earliest, latest) else { return html! {} };
    let Some((start, width)) = axes.time.extent(Some(earliest), Some(latest)) else {
        return html! {};
    };
    let y = axes.value.position(THRESHOLD);
    html! {
        rect.projection x=(percent(start)) width=(percent(width))
            y=(rounded(y - 4.0)) height="8" rx="4" {}
    }
}

fn legend(rule: &RuleView<'_>, recorded: &RuleAdoption, curves: &Curves) -> Markup {
    html! {
        ul.legend {
            @if curves.knows_callers { li { (line_sample("callers")) "callers" } }
            li { (line_sample("requests")) "requests" }
            @if !recorded.weeks.is_empty() {
                li {
                    svg width="12" height="12" aria-hidden="true" {
                        circle.week cx="6" cy="6" r="4.5" {}
                    }
                    "callers of a week"
                }
            }
            @if recorded.projection.latest.is_some() {
                li {
                    svg width="26" height="8" aria-hidden="true" {
                        rect.projection width="26" height="8" rx="4" {}
                    }
                    "callers below 1%, expected"
                }
            }
            // A rule that is held in another phase follows it later, or never.
            @if !rule.plan.is_empty() { li { "background: phases of the calendar" } }
        }
    }
}

fn line_sample(class: &str) -> Markup {
    html! {
        svg width="26" height="8" aria-hidden="true" {
            line class={ "curve " (class) } x1="0" x2="26" y1="4" y2="4" {}
        }
    }
}

/// The curve in words.
fn description(curves: &Curves, series: &[SeriesPoint]) -> String {
    let mut known = Vec::new();
    for (point, curve_point) in series.iter().zip(curves.main()) {
        if let Some(value) = curve_point.value {
            known.push((point_text(&point.from, point.seconds), format_percent(value)));
        }
    }
    let unit = curves.unit();
    match (known.first(), known.last()) {
        (Some((first, before)), Some((last, after))) if known.len() > 1 => format!(
            "Share of {unit} behind, from {before} on {first} to {after} on {last}. Table follows."
        ),
        (Some((first, share)), _) => format!("Share of {unit} behind on {first}: {share}."),
        _ => format!("Share of {unit} behind: no data."),
    }
}

fn series_table<'a>(caption: &'a str, series: &[SeriesPoint]) -> Table<'a> {
    let mut rows = Vec::new();
    for point in series {
        let SeriesPoint { total, behind, .. } = point;
        rows.push(vec![
            html! {
                (point_text(&point.from, point.seconds))
                @if !point.complete { " (incomplete)" }
            },
            text_cell(&share_text(behind.callers, total.callers)),
            number_cell(behind.callers),
            number_cell(total.callers),
            text_cell(&share_text(behind.requests, total.requests)),
            number_cell(behind.requests),
            number_cell(total.requests),
        ]);
    }
    Table { caption, hides_caption: true, columns: &COLUMNS, rows }
}

const COLUMNS: [Column<'static>; 7] = [
    Column::text("From"),
    Column::number("Callers behind"),
    Column::number("Behind"),
    Column::number("All callers"),
    Column::number("Requests behind"),
    Column::number("Behind"),
    Column::number("All requests"),
];
