//! Tables, which scroll in a region of their own on narrow screens.

use maud::{Markup, html};
use upshift_record::number_text::{counted, grouped};

/// A table.
pub struct Table<'a> {
    /// The caption, which also names the region that scrolls.
    pub caption: &'a str,
    /// The caption is read aloud only, because a heading above says the same.
    pub hides_caption: bool,
    /// The columns.
    pub columns: &'a [Column<'a>],
    /// The rows, each with one cell for each column. The first cell is the row's heading.
    pub rows: Vec<Vec<Markup>>,
}

/// A column of a table.
pub struct Column<'a> {
    /// The heading.
    pub head: &'a str,
    /// The cells are numbers, which are aligned at their last digit.
    pub is_number: bool,
}

impl<'a> Column<'a> {
    /// A column of texts.
    pub const fn text(head: &'a str) -> Self {
        Self { head, is_number: false }
    }

    /// A column of numbers.
    pub const fn number(head: &'a str) -> Self {
        Self { head, is_number: true }
    }

    fn class(&self) -> Option<&'static str> {
        if self.is_number { Some("number") } else { None }
    }
}

/// The rows that a long table shows at once.
const SHOWN_ROWS: usize = 10;
/// The fewest rows that are worth folding.
const LEAST_FOLDED: usize = 3;

impl Table<'_> {
    /// Renders the table.
    pub fn render(&self) -> Markup {
        self.render_rows(self.caption, self.hides_caption, &self.rows)
    }

    /// Renders the table with its first ten rows, and the rest folded below: `115 more callers`.
    /// `thing` is the singular of what a row is about.
    pub fn render_folded(&self, thing: &str) -> Markup {
        if self.rows.len() < SHOWN_ROWS + LEAST_FOLDED {
            return self.render();
        }
        let (shown, rest) = self.rows.split_at(SHOWN_ROWS);
        let caption = format!("{}: the rest", self.caption);
        html! {
            (self.render_rows(self.caption, self.hides_caption, shown))
            (render_fold(&more_of(rest.len(), thing), &self.render_rows(&caption, true, rest)))
        }
    }

    fn render_rows(&self, caption: &str, hides_caption: bool, rows: &[Vec<Markup>]) -> Markup {
        let hidden = if hides_caption { Some("visually-hidden") } else { None };
        html! {
            // A section around it may have the same name, and names of landmarks must differ.
            div.scroller tabindex="0" role="region" aria-label={ "Table: " (caption) } {
                table {
                    caption class=[hidden] { (caption) }
                    thead {
                        tr {
                            @for column in self.columns {
                                th scope="col" class=[column.class()] { (column.head) }
                            }
                        }
                    }
                    tbody {
                        @for row in rows { (self.render_row(row)) }
                    }
                }
            }
        }
    }

    fn render_row(&self, row: &[Markup]) -> Markup {
        html! {
            tr {
                @for (index, (cell, column)) in row.iter().zip(self.columns).enumerate() {
                    @if index == 0 {
                        th scope="row" class=[column.class()] { (cell) }
                    } @else {
                        td class=[column.class()] { (cell) }
                    }
                }
            }
        }
    }
}

/// A part of a page that is unfolded on demand.
pub fn render_fold(summary: &str, content: &Markup) -> Markup {
    html! {
        details.rest {
            summary { (summary) }
            (content)
        }
    }
}

/// `115 more callers`: the summary of a fold.
pub fn more_of(count: usize, thing: &str) -> String {
    counted(count as u64, &format!("more {thing}"))
}

/// A number of a cell, with separators; a dash if it is not known.
pub fn number_cell(number: impl Into<Option<u64>>) -> Markup {
    html! { (grouped(number)) }
}

/// A text that a client may have chosen. Its direction of writing does not change that of the page.
pub fn foreign_cell(text: &str) -> Markup {
    html! { bdi { (text) } }
}

/// A text of a cell.
pub fn text_cell(text: &str) -> Markup {
    html! { (text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: usize) -> String {
        let columns = [Column::text("Caller")];
        let rows = (0..rows).map(|row| vec![html! { "row-" (row) }]).collect();
        let table = Table { caption: "Callers", hides_caption: false, columns: &columns, rows };
        table.render_folded("caller").into_string()
    }

    /// A page listed 125 versions one below the other.
    #[test]
    fn a_long_table_is_folded_after_ten_rows() {
        let long = table(125);
        let (shown, rest) = long.split_once("<details").unwrap_or_default();
        assert_eq!(shown.matches("row-").count(), 10, "{long}");
        assert_eq!(rest.matches("row-").count(), 115, "{long}");
        assert!(rest.contains("<summary>115 more callers</summary>"), "{rest}");
        assert!(rest.contains("aria-label=\"Table: Callers: the rest\""), "{rest}");
    }

    #[test]
    fn a_table_of_a_few_more_rows_is_not_folded() {
        let short = table(12);
        assert!(!short.contains("<details"), "{short}");
        assert_eq!(short.matches("row-").count(), 12, "{short}");
    }
}
