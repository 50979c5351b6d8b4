//! Horizontal axes of time.

use maud::{Markup, html};

use super::percent;
use crate::time_text::tick_texts;

/// The parts of the width at which a time is written, and the alignment there.
const TICKS: [(f64, &str); 4] =
    [(0.0, "start"), (1.0 / 3.0, "middle"), (2.0 / 3.0, "middle"), (1.0, "end")];

/// An axis of time, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct TimeAxis {
    from: i64,
    to: i64,
}

impl TimeAxis {
    /// An axis between two times.
    pub fn between(from: i64, to: i64) -> Self {
        Self { from, to: to.max(from + 1) }
    }

    /// The position of a time in percent of the width. Times beyond the ends are at the ends.
    pub fn position(&self, second: i64) -> f64 {
        let part = (second - self.from) as f64 / (self.to - self.from) as f64;
        part.clamp(0.0, 1.0) * 100.0
    }

    /// Returns true if a time is on the axis.
    pub fn contains(&self, second: i64) -> bool {
        (self.from..=self.to).contains(&second)
    }

    /// The part of a span that is on the axis, as its start and width in percent; `None` if the
    /// span is not on it.
    pub fn extent(&self, from: Option<i64>, to: Option<i64>) -> Option<(f64, f64)> {
        let (from, to) = (from.unwrap_or(self.from), to.unwrap_or(self.to));
        if to <= self.from || from >= self.to {
            return None;
        }
        let start = self.position(from);
        Some((start, self.position(to) - start))
    }

    /// The times along the axis, written at the height `y`.
    pub fn render(&self, y: f64) -> Markup {
        let length = self.to - self.from;
        let seconds = TICKS.map(|(part, _)| self.from + (length as f64 * part) as i64);
        html! {
            @for ((part, anchor), text) in TICKS.iter().zip(tick_texts(&seconds, length)) {
                text.tick x=(percent(part * 100.0)) y=(y) text-anchor=(anchor) { (text) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_become_positions() {
        let axis = TimeAxis::between(1_000, 2_000);
        assert_eq!(axis.position(1_000), 0.0);
        assert_eq!(axis.position(1_250), 25.0);
        assert_eq!(axis.position(9_000), 100.0);
        assert_eq!(axis.extent(Some(500), Some(1_500)), Some((0.0, 50.0)));
        assert_eq!(axis.extent(None, None), Some((0.0, 100.0)));
        assert_eq!(axis.extent(Some(2_000), None), None);
    }

    #[test]
    fn an_axis_without_a_length_does_not_divide_by_zero() {
        assert_eq!(TimeAxis::between(5, 5).position(5), 0.0);
    }
}
