//! The timeline of a connection: one line for each event, from top to bottom and left to right.

use maud::{Markup, html};
use upshift_record::suite::TimelineMark;

use crate::charts::percent;
use crate::figure::Figure;
use crate::table::{Column, Table};
use crate::visible_text::visible_lines;

/// The height of a line, in pixels.
const LINE: u32 = 22;

/// The most events that are drawn. All are in the table.
const MOST_DRAWN: usize = 40;

/// The part of the width that the times take, in percent. The rest is for the last label.
const WIDTH: f64 = 55.0;

/// The longest label that is drawn, in characters.
const LONGEST_LABEL: usize = 24;

/// Renders a timeline. `id` is a prefix of ids that no other one has.
pub(super) fn render_timeline(id: &str, caption: &str, marks: &[TimelineMark]) -> Markup {
    const COLUMNS: [Column<'_>; 2] = [Column::text("Event"), Column::number("Time")];
    let mut rows = Vec::new();
    for mark in marks {
        let time = html! { (format!("{:.3} ms", mark.at_ms)) };
        rows.push(vec![html! { (visible_lines(&mark.what)) }, time]);
    }
    // Names of regions differ, and connections of different tries have one number.
    let table_caption = format!("{caption}: times ({id})");
    let table = Table { caption: &table_caption, hides_caption: true, columns: &COLUMNS, rows };
    let drawn = &marks[..marks.len().min(MOST_DRAWN)];
    let events: Vec<&str> = drawn.iter().map(|mark| mark.what.as_str()).collect();
    let description = visible_lines(&format!("In order: {}", events.join(", ")));
    let height = LINE * u32::try_from(drawn.len()).unwrap_or_default() + LINE / 2;
    Figure {
        id,
        caption: html! { (caption) },
        description: &description,
        legend: html! {},
        drawing: drawing_of(drawn),
        height,
        table,
    }
    .render()
}

fn drawing_of(marks: &[TimelineMark]) -> Markup {
    let first = marks.first().map_or(0.0, |mark| mark.at_ms);
    let last = marks.last().map_or(0.0, |mark| mark.at_ms);
    let length = (last - first).max(f64::EPSILON);
    html! {
        @for (index, mark) in marks.iter().enumerate() {
            @let y = (index as f64 + 0.75) * f64::from(LINE);
            @let x = 1.0 + WIDTH * ((mark.at_ms - first) / length).clamp(0.0, 1.0);
            line.grid x1="0" x2=(percent(x)) y1=(y) y2=(y) {}
            circle.dot.callers cx=(percent(x)) cy=(y) r="4" {}
            text.tick x=(percent(x)) dx="9" y=(y) dy="4" { (label_of(mark)) }
        }
    }
}

fn label_of(mark: &TimelineMark) -> String {
    let what = visible_lines(&mark.what);
    let mut label: String = what.chars().take(LONGEST_LABEL).collect();
    if label.len() < what.len() {
        label.push('…');
    }
    label
}
