//! Columns over time, from 0.

use maud::{Markup, html};

use super::value_axis::ValueAxis;
use super::{percent, rounded};

/// The part of its place that a column fills.
const FILL: f64 = 0.78;

/// Draws a column for each value, at equal distances. A value above 0 is never invisible.
pub fn render_columns(values: &[u64], axis: ValueAxis, class: &str) -> Markup {
    let place = 100.0 / values.len().max(1) as f64;
    let bottom = axis.position(0.0);
    html! {
        line.base x1="0" x2="100%" y1=(bottom) y2=(bottom) {}
        @for (index, value) in values.iter().enumerate() {
            @if *value > 0 {
                @let top = axis.position(*value as f64).min(bottom - 1.0);
                rect class={ "column " (class) }
                    x=(percent(place * (index as f64 + (1.0 - FILL) / 2.0)))
                    width=(percent(place * FILL))
                    y=(rounded(top)) height=(rounded(bottom - top)) {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_the_height_of_their_values() {
        let axis = ValueAxis::up_to(100.0, 0.0, 100.0);
        let drawn = render_columns(&[0, 100, 1_000_000, 50], axis, "refuse").into_string();
        assert_eq!(drawn.matches("<rect").count(), 3, "{drawn}");
        assert!(drawn.contains("x=\"27.75%\" width=\"19.5%\" y=\"0\" height=\"100\""), "{drawn}");
        assert!(drawn.contains("y=\"50\" height=\"50\""), "{drawn}");
    }

    #[test]
    fn a_rest_stays_visible() {
        let axis = ValueAxis::up_to(1_000_000.0, 0.0, 100.0);
        let drawn = render_columns(&[1], axis, "refuse").into_string();
        assert!(drawn.contains("y=\"99\" height=\"1\""), "{drawn}");
        assert!(!render_columns(&[], axis, "refuse").into_string().contains("<rect"));
    }
}
