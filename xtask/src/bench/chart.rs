//! Charts as SVG files: readable on light and dark pages, without scripts, fonts or other files.

use std::fmt::Write as _;

use super::section::plain_number;
use super::statistics::Spread;

const WIDTH: f64 = 640.0;
/// The room for labels on the left, and for numbers on the right.
const LEFT: f64 = 90.0;
const RIGHT: f64 = 80.0;
const TOP: f64 = 34.0;
const BAR: f64 = 20.0;
const STEP: f64 = 30.0;
const LINE_CHART_HEIGHT: f64 = 220.0;

/// The colours. The page decides between light and dark by the setting of its reader.
const STYLE: &str = "<style>\
text{font:13px system-ui,sans-serif;fill:#1f2328}\
.title{font-weight:600}.small{font-size:11px;fill:#59636e}\
.own{fill:#0969da}.other{fill:#afb8c1}.range{stroke:#1f2328;stroke-width:1.5}\
.axis{stroke:#d1d9e0}.line{fill:none;stroke-width:2;stroke:#8c959f}.own-line{stroke:#0969da}\
@media(prefers-color-scheme:dark){\
text{fill:#f0f6fc}.small{fill:#9198a1}.own{fill:#4493f8}.other{fill:#656c76}\
.range{stroke:#f0f6fc}.axis{stroke:#3d444d}.own-line{stroke:#4493f8}}\
</style>";

/// A bar of a chart.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) spread: Spread,
    /// True for Upshift, which is drawn in colour.
    pub(crate) is_own: bool,
}

/// Draws bars, with the medians as their lengths and a line from the least to the most.
pub(crate) fn draw_bars(title: &str, bars: &[Bar], digits: usize) -> String {
    let most = bars.iter().fold(0.0, |most: f64, bar| most.max(bar.spread.most));
    let scale = (WIDTH - LEFT - RIGHT) / most.max(f64::MIN_POSITIVE);
    let mut body = String::new();
    let mut y = TOP;
    for bar in bars {
        body.push_str(&draw_bar(bar, y, scale, digits));
        y += STEP;
    }
    wrap(title, y, &body)
}

fn draw_bar(bar: &Bar, y: f64, scale: f64, digits: usize) -> String {
    let Spread { least, median, most } = bar.spread;
    let class = if bar.is_own { "own" } else { "other" };
    let (label, before) = (escape(&bar.label), LEFT - 8.0);
    let (width, first, last) = (median * scale, LEFT + least * scale, LEFT + most * scale);
    let (middle, baseline, behind) = (y + BAR / 2.0, y + BAR / 2.0 + 4.5, last + 8.0);
    format!(
        "<text x=\"{before:.1}\" y=\"{baseline:.1}\" text-anchor=\"end\">{label}</text>\
         <rect class=\"{class}\" x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.1}\" \
         height=\"{BAR}\" rx=\"2\"/>\
         <line class=\"range\" x1=\"{first:.1}\" x2=\"{last:.1}\" \
         y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>\
         <text x=\"{behind:.1}\" y=\"{baseline:.1}\">{median:.digits$}</text>"
    )
}

/// A line of a chart; a place that was not measured interrupts it.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) label: String,
    pub(crate) values: Vec<Option<f64>>,
    /// True for Upshift, which is drawn in colour.
    pub(crate) is_own: bool,
}

/// Draws lines over a few places, with a logarithmic scale of powers of ten.
pub(crate) fn draw_lines(title: &str, places: &[String], lines: &[Line]) -> String {
    let (lowest, highest) = decades_around(lines);
    let scale = LogScale { lowest, highest };
    let mut body = String::new();
    for decade in lowest..=highest {
        let y = scale.y_of(10f64.powi(decade));
        let _ = write!(
            body,
            "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"small\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            y + 4.0,
            power_of_ten(decade),
        );
    }
    for (number, place) in places.iter().enumerate() {
        let _ = write!(
            body,
            "<text class=\"small\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            x_of(number, places.len()),
            TOP + LINE_CHART_HEIGHT + 16.0,
            escape(place),
        );
    }
    for line in lines {
        body.push_str(&draw_line(line, &scale, places.len()));
    }
    wrap(title, TOP + LINE_CHART_HEIGHT + 28.0, &body)
}

fn draw_line(line: &Line, scale: &LogScale, places: usize) -> String {
    let class = if line.is_own { "line own-line" } else { "line" };
    let mut path = String::new();
    let mut end = None;
    let mut pen = 'M';
    for (number, value) in line.values.iter().enumerate() {
        let Some(value) = value else {
            pen = 'M';
            continue;
        };
        let (x, y) = (x_of(number, places), scale.y_of(*value));
        let _ = write!(path, "{pen}{x:.1} {y:.1}");
        pen = 'L';
        end = Some((x, y));
    }
    let Some((x, y)) = end else { return String::new() };
    format!(
        "<path class=\"{class}\" d=\"{path}\"/><text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        x + 8.0,
        y + 4.5,
        escape(&line.label),
    )
}

struct LogScale {
    lowest: i32,
    highest: i32,
}

impl LogScale {
    fn y_of(&self, value: f64) -> f64 {
        let decades = f64::from(self.highest - self.lowest);
        let share = (value.log10() - f64::from(self.lowest)) / decades;
        TOP + LINE_CHART_HEIGHT * (1.0 - share)
    }
}

/// The powers of ten below and above all values.
#[expect(clippy::cast_possible_truncation, reason = "logarithms are small")]
fn decades_around(lines: &[Line]) -> (i32, i32) {
    let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
    for value in lines.iter().flat_map(|line| &line.values).flatten() {
        least = least.min(*value);
        most = most.max(*value);
    }
    if most <= 0.0 || least <= 0.0 {
        return (0, 1);
    }
    let lowest = least.log10().floor() as i32;
    (lowest, (most.log10().ceil() as i32).max(lowest + 1))
}

fn x_of(number: usize, places: usize) -> f64 {
    let steps = places.saturating_sub(1).max(1);
    let width = WIDTH - LEFT - RIGHT - 20.0;
    LEFT + 10.0 + width * number as f64 / steps as f64
}

fn power_of_ten(decade: i32) -> String {
    match usize::try_from(-decade) {
        Ok(digits) => format!("{:.digits$}", 10f64.powi(decade)),
        Err(_) => plain_number(10f64.powi(decade)),
    }
}

fn wrap(title: &str, height: f64, body: &str) -> String {
    let escaped = escape(title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         width=\"{WIDTH}\" role=\"img\" aria-label=\"{escaped}\">{STYLE}\
         <text class=\"title\" x=\"0\" y=\"16\">{escaped}</text>{body}</svg>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(median: f64) -> Spread {
        Spread { least: median / 2.0, median, most: median * 2.0 }
    }

    #[test]
    fn a_bar_is_as_long_as_its_share_of_the_most() {
        let bars = [
            Bar { label: "a<b".to_owned(), spread: spread(5.0), is_own: true },
            Bar { label: "c".to_owned(), spread: spread(2.5), is_own: false },
        ];
        let svg = draw_bars("µs", &bars, 1);
        // Of the 470 between the labels and the numbers, half is the median of the first.
        assert!(svg.contains("class=\"own\" x=\"90\" y=\"34.0\" width=\"235.0\""), "{svg}");
        assert!(svg.contains("width=\"117.5\"") && svg.contains("a&lt;b"), "{svg}");
        assert!(svg.contains("prefers-color-scheme:dark"));
    }

    #[test]
    fn a_line_is_interrupted_where_nothing_was_measured() {
        let line = Line {
            label: "a".to_owned(),
            values: vec![Some(1.0), Some(10.0), None, Some(100.0)],
            is_own: true,
        };
        let places = ["1", "10", "100", "1,000"].map(ToOwned::to_owned);
        let svg = draw_lines("µs", &places, &[line]);
        assert!(svg.contains("d=\"M100.0 254.0L250.0 144.0M550.0 34.0\""), "{svg}");
    }

    #[test]
    fn nothing_measured_is_an_empty_chart() {
        assert!(draw_bars("µs", &[], 1).ends_with("</svg>\n"));
        assert!(draw_lines("µs", &[], &[]).ends_with("</svg>\n"));
    }
}
