//! Charts as the content of SVG images.
//!
//! A drawing is as wide as the page: its horizontal positions are percentages, and its vertical
//! ones pixels, so that text and lines keep their size. Only the curves, which cannot have
//! percentages, stand in a nested SVG that is stretched.

pub mod columns;
pub mod curve;
pub mod share_bar;
pub mod sparkline;
pub mod time_axis;
pub mod value_axis;

/// A position or width as a percentage.
pub fn percent(value: f64) -> String {
    format!("{}%", rounded(value))
}

/// A coordinate with two digits behind the point at most.
pub(crate) fn rounded(value: f64) -> f64 {
    // Adding 0 turns -0 into 0.
    (value * 100.0).round() / 100.0 + 0.0
}
