//! Tables, which scroll in a region of their own on narrow screens.

use maud::{Markup, html};

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

impl Table<'_> {
    /// Renders the table.
    pub fn render(&self) -> Markup {
        let hidden = if self.hides_caption { Some("visually-hidden") } else { None };
        html! {
            div.scroller tabindex="0" role="region" aria-label=(self.caption) {
                table {
                    caption class=[hidden] { (self.caption) }
                    thead {
                        tr {
                            @for column in self.columns {
                                th scope="col" class=[column.class()] { (column.head) }
                            }
                        }
                    }
                    tbody {
                        @for row in &self.rows { (self.render_row(row)) }
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

/// A number of a cell, with separators; a dash if it is not known.
pub fn number_cell(number: impl Into<Option<u64>>) -> Markup {
    html! { (upshift_record::number_text::grouped(number)) }
}

/// A text that a client may have chosen. Its direction of writing does not change that of the page.
pub fn foreign_cell(text: &str) -> Markup {
    html! { bdi { (text) } }
}

/// A text of a cell.
pub fn text_cell(text: &str) -> Markup {
    html! { (text) }
}
