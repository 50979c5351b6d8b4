//! Vertical axes, from 0 to a round number.

use maud::{Markup, html};

/// A vertical axis.
#[derive(Clone, Copy, Debug)]
pub struct ValueAxis {
    largest: f64,
    top: f64,
    height: f64,
}

impl ValueAxis {
    /// An axis from 0 to a round number above `largest`, between two heights of the drawing.
    pub fn up_to(largest: f64, top: f64, bottom: f64) -> Self {
        Self { largest: round_ceiling(largest), top, height: bottom - top }
    }

    /// An axis from 0 to `largest` itself, for a drawing without numbers.
    pub fn exactly_to(largest: f64, top: f64, bottom: f64) -> Self {
        let largest = if largest > 0.0 { largest } else { 1.0 };
        Self { largest, top, height: bottom - top }
    }

    /// An axis of shares, which ends at 1.
    pub fn of_shares(largest: f64, top: f64, bottom: f64) -> Self {
        let axis = Self::up_to(largest, top, bottom);
        Self { largest: axis.largest.min(1.0), ..axis }
    }

    /// The value at the top.
    pub fn largest(&self) -> f64 {
        self.largest
    }

    /// The vertical position of a value.
    pub fn position(&self, value: f64) -> f64 {
        self.top + self.height * (1.0 - (value / self.largest).clamp(0.0, 1.0))
    }

    /// Lines with their values at 0, at half and at the top.
    pub fn render(&self, text_of: impl Fn(f64) -> String) -> Markup {
        html! {
            @for part in [0.0, 0.5, 1.0] {
                @let y = super::rounded(self.position(self.largest * part));
                line.grid x1="0" x2="100%" y1=(y) y2=(y) {}
                text.tick x="0" y=(y - 4.0) { (text_of(self.largest * part)) }
            }
        }
    }
}

/// The next 1, 2 or 5 times a power of ten.
fn round_ceiling(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 1.0;
    }
    let magnitude = 10.0_f64.powf(value.log10().floor());
    for step in [1.0, 2.0, 5.0] {
        // A value that is a step itself must not be lost to rounding.
        if value <= magnitude * step * (1.0 + 1e-9) {
            return magnitude * step;
        }
    }
    magnitude * 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_is_a_round_number() {
        for (value, top) in [(0.0, 1.0), (0.021, 0.05), (0.142, 0.2), (3.0, 5.0), (10.0, 10.0)] {
            assert!((round_ceiling(value) - top).abs() < 1e-12, "{value}");
        }
        assert_eq!(ValueAxis::of_shares(0.7, 0.0, 100.0).largest(), 1.0);
    }

    #[test]
    fn values_become_heights() {
        let axis = ValueAxis::up_to(10.0, 20.0, 120.0);
        assert_eq!(axis.position(0.0), 120.0);
        assert_eq!(axis.position(5.0), 70.0);
        assert_eq!(axis.position(10.0), 20.0);
        assert_eq!(axis.position(99.0), 20.0);
    }
}
