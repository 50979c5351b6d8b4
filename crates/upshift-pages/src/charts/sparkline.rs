//! A curve the size of a word.

use maud::{Markup, html};

use super::rounded;
use super::value_axis::ValueAxis;

/// The width of the drawing.
const WIDTH: f64 = 144.0;
/// The height of the drawing.
const HEIGHT: f64 = 36.0;
/// The distance of the curve from the edges, so that its dot is not cut.
const MARGIN: f64 = 3.0;

/// Draws values at equal distances, from 0 to the largest. `name` is read aloud instead.
pub fn render_sparkline(values: &[Option<f64>], name: &str) -> Markup {
    let (path, last) = sparkline_path(values);
    html! {
        svg.sparkline width=(WIDTH) height=(HEIGHT) viewBox=(format!("0 0 {WIDTH} {HEIGHT}"))
            role="img" aria-label=(name) {
            line.base x1="0" x2=(WIDTH) y1=(HEIGHT - MARGIN) y2=(HEIGHT - MARGIN) {}
            path.curve d=(path) {}
            @if let Some((x, y)) = last {
                circle.dot cx=(x) cy=(y) r="2.5" {}
            }
        }
    }
}

/// The path of the curve, and its last point.
fn sparkline_path(values: &[Option<f64>]) -> (String, Option<(f64, f64)>) {
    let largest = values.iter().flatten().copied().fold(0.0, f64::max);
    let axis = ValueAxis::exactly_to(largest, MARGIN, HEIGHT - MARGIN);
    let step = (WIDTH - 2.0 * MARGIN) / values.len().saturating_sub(1).max(1) as f64;
    let (mut path, mut last, mut is_drawing) = (String::new(), None, false);
    for (index, value) in values.iter().enumerate() {
        let Some(value) = value else {
            is_drawing = false;
            continue;
        };
        let (x, y) = (rounded(MARGIN + step * index as f64), rounded(axis.position(*value)));
        path.push_str(&format!("{}{x} {y}", if is_drawing { 'L' } else { 'M' }));
        (last, is_drawing) = (Some((x, y)), true);
    }
    (path, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_coordinates_and_a_gap_stays_one() {
        let (path, last) = sparkline_path(&[Some(1.0), Some(0.5), None, Some(0.0)]);
        assert_eq!(path, "M3 3L49 18M141 33");
        assert_eq!(last, Some((141.0, 33.0)));
        assert_eq!(sparkline_path(&[Some(0.0)]), ("M3 33".to_owned(), Some((3.0, 33.0))));
        assert_eq!(sparkline_path(&[]), (String::new(), None));
    }

    #[test]
    fn a_name_is_escaped() {
        let drawn = render_sparkline(&[], "\"><script>").into_string();
        assert!(drawn.contains("aria-label=\"&quot;&gt;&lt;script&gt;\""), "{drawn}");
    }
}
