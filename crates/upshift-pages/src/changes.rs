//! Changes that were made: one of them, and the history.

use maud::{Markup, html};
use upshift_record::control::RevisionReport;
use upshift_record::number_text::counted;

use crate::layout::{Delivery, Page};
use crate::link::rule_path;
use crate::notice::notice_box;
use crate::table::{Column, Table, text_cell};
use crate::time_text::time_element;
use crate::verbs::undo_form;
use crate::viewer::PageViewer;

/// The page of a change that was made.
pub struct ChangePage<'a> {
    /// The change.
    pub change: &'a RevisionReport,
    /// The changes that are not in the store yet.
    pub unsaved: u64,
    /// The reader.
    pub viewer: PageViewer<'a>,
}

/// The page of the latest changes.
pub struct HistoryPage<'a> {
    /// The changes, the newest first.
    pub revisions: &'a [RevisionReport],
    /// The reader.
    pub viewer: PageViewer<'a>,
}

impl ChangePage<'_> {
    /// Renders the page.
    pub fn render_html(&self) -> String {
        let Self { change, unsaved, viewer } = self;
        let heading = format!("In force: {}", summary_text(change));
        let main = html! {
            h1 { (heading) }
            p.lead {
                "Change " code { (change.change) } ", number " (change.revision) " on this gateway."
            }
            @if *unsaved > 0 {
                (notice_box(&html! {
                    p {
                        (counted(*unsaved, "change")) " not in the store: a restart would forget "
                        "them. The log says why."
                    }
                }))
            }
            (details(change))
            div.verbs { (undo_form(change, *viewer)) }
            p {
                @if let Some(rule) = &change.rule { a href=(rule_path(rule)) { (rule) } " · " }
                a href="/" { "All rules" } " · " a href="/changes" { "History of changes" }
            }
        };
        render_page(&heading, main, *viewer)
    }
}

impl HistoryPage<'_> {
    /// Renders the page.
    pub fn render_html(&self) -> String {
        let main = html! {
            h1 { "History of changes" }
            @if self.revisions.is_empty() {
                p.lead { "No change was made here." }
            } @else {
                section { (self.render_table()) }
            }
        };
        render_page("History of changes", main, self.viewer)
    }

    fn render_table(&self) -> Markup {
        let mut rows = Vec::new();
        for revision in self.revisions {
            rows.push(vec![
                html! { a href={ "/changes/" (revision.change) } { (revision.revision) } },
                time_element(&revision.at),
                text_cell(&summary_text(revision)),
                text_cell(&revision.actor),
                text_cell(&revision.reason),
                undo_form(revision, self.viewer),
            ]);
        }
        let columns = [
            Column::text("Number"),
            Column::text("Time"),
            Column::text("Change"),
            Column::text("By"),
            Column::text("Reason"),
            Column::text("Undo"),
        ];
        let caption = "Changes, the newest first";
        Table { caption, hides_caption: true, columns: &columns, rows }.render()
    }
}

fn render_page(title: &str, main: Markup, viewer: PageViewer<'_>) -> String {
    let (head, header) = (html! {}, viewer.header());
    let delivery = Delivery::Served { head: &head, header: &header };
    Page { title, delivery, main, footer: html! {} }.render_html()
}

/// A change in a few words: `orders-v2 set to warn`.
fn summary_text(change: &RevisionReport) -> String {
    let rule = change.rule.as_deref().unwrap_or("all rules");
    match change.action.as_str() {
        "pause" => format!("{rule} paused"),
        "resume" => format!("{rule} resumed"),
        "trip" => format!("{rule} demoted by its breaker"),
        "undo" => match change.undoes {
            Some(number) => format!("change number {number} undone"),
            None => "a change undone".to_owned(),
        },
        _ => format!("{rule} set to {}", change.phase.as_deref().unwrap_or("its plan")),
    }
}

fn details(change: &RevisionReport) -> Markup {
    html! {
        dl.details {
            dt { "Time" }
            dd { (time_element(&change.at)) }
            dt { "By" }
            dd { (change.actor) }
            @if !change.reason.is_empty() {
                dt { "Reason" }
                dd { (change.reason) }
            }
            @if let Some(until) = &change.until {
                dt { "Until" }
                dd { (time_element(until)) }
            }
        }
    }
}
