//! A chart with its caption, and its numbers as a table.

use maud::{Markup, html};

use crate::table::Table;

/// A chart with its caption and its table.
pub struct Figure<'a> {
    /// A prefix of element ids that no other figure of the page has.
    pub id: &'a str,
    /// The caption, which names the chart.
    pub caption: Markup,
    /// The chart in words, for people who do not see it.
    pub description: &'a str,
    /// The lines and areas of the chart, with their names.
    pub legend: Markup,
    /// The content of the SVG.
    pub drawing: Markup,
    /// The height of the drawing in pixels. Its width is that of the page.
    pub height: u32,
    /// The numbers of the chart.
    pub table: Table<'a>,
}

impl Figure<'_> {
    /// Renders the figure.
    pub fn render(&self) -> Markup {
        let (title, description) = (format!("{}-title", self.id), format!("{}-text", self.id));
        html! {
            figure {
                figcaption id=(title) { (self.caption) }
                (self.legend)
                p.visually-hidden id=(description) { (self.description) }
                svg.chart width="100%" height=(self.height) role="img"
                    aria-labelledby=(title) aria-describedby=(description) {
                    (self.drawing)
                }
                details {
                    summary { "Numbers" span.visually-hidden { " of this chart" } }
                    (self.table.render())
                }
            }
        }
    }
}
