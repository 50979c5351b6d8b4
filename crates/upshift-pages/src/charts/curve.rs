//! Curves over time. A value that is not known is a gap.

use maud::{Markup, html};

use super::time_axis::TimeAxis;
use super::value_axis::ValueAxis;
use super::{percent, rounded};

/// The width of the stretched SVG in its own units.
const WIDTH: f64 = 1_000.0;

/// A point of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Its time, in seconds since 1970.
    pub at: i64,
    /// Its value; `None` for a gap.
    pub value: Option<f64>,
}

/// The axes of a curve.
#[derive(Clone, Copy)]
pub struct Axes {
    /// The horizontal axis.
    pub time: TimeAxis,
    /// The vertical axis.
    pub value: ValueAxis,
    /// The height of the drawing in pixels.
    pub height: u32,
}

/// Draws a curve of this CSS class. A point between two gaps is a dot, and so is the last point.
pub fn render_curve(points: &[CurvePoint], axes: Axes, class: &str) -> Markup {
    let runs = known_runs(points);
    let single = runs.iter().filter(|run| run.len() == 1).filter_map(|run| run.first());
    let last = runs.last().and_then(|run| run.last());
    html! {
        svg x="0" y="0" width="100%" height=(axes.height)
            viewBox=(format!("0 0 {WIDTH} {}", axes.height)) preserveAspectRatio="none" {
            path class={ "curve " (class) } d=(path_of(&runs, axes)) vector-effect="non-scaling-stroke" {}
        }
        @for (at, value) in single.chain(last) {
            circle class={ "dot " (class) } r="3"
                cx=(percent(axes.time.position(*at)))
                cy=(rounded(axes.value.position(*value))) {}
        }
    }
}

/// The runs of points without a gap between them.
fn known_runs(points: &[CurvePoint]) -> Vec<Vec<(i64, f64)>> {
    let mut runs = Vec::new();
    let mut run = Vec::new();
    for point in points {
        match point.value {
            Some(value) => run.push((point.at, value)),
            None if run.is_empty() => {}
            None => runs.push(std::mem::take(&mut run)),
        }
    }
    if !run.is_empty() {
        runs.push(run);
    }
    runs
}

fn path_of(runs: &[Vec<(i64, f64)>], axes: Axes) -> String {
    let mut path = String::new();
    for run in runs {
        for (index, (at, value)) in run.iter().enumerate() {
            let x = rounded(axes.time.position(*at) / 100.0 * WIDTH);
            let y = rounded(axes.value.position(*value));
            let step = if index == 0 { 'M' } else { 'L' };
            path.push_str(&format!("{step}{x} {y}"));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes() -> Axes {
        let value = ValueAxis::up_to(1.0, 0.0, 100.0);
        Axes { time: TimeAxis::between(0, 100), value, height: 120 }
    }

    fn points(values: &[Option<f64>]) -> Vec<CurvePoint> {
        let mut points = Vec::new();
        for (index, value) in values.iter().enumerate() {
            points.push(CurvePoint { at: index as i64 * 10, value: *value });
        }
        points
    }

    #[test]
    fn values_become_coordinates_and_a_gap_stays_one() {
        let with_gap = points(&[Some(0.0), Some(0.5), None, Some(1.0), Some(0.25)]);
        let path = path_of(&known_runs(&with_gap), axes());
        assert_eq!(path, "M0 100L100 50M300 0L400 75");
    }

    #[test]
    fn one_point_is_a_dot_and_none_is_nothing() {
        let one = render_curve(&points(&[None, Some(0.5), None]), axes(), "main").into_string();
        assert!(one.contains("<circle class=\"dot main\" r=\"3\" cx=\"10%\" cy=\"50\">"), "{one}");
        let none = render_curve(&points(&[None, None]), axes(), "main").into_string();
        assert!(none.contains(" d=\"\"") && !none.contains("circle"), "{none}");
        assert_eq!(render_curve(&[], axes(), "main").into_string(), none);
    }
}
