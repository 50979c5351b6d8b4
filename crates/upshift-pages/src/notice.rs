//! Pages and boxes that say one thing.

use maud::{Markup, html};

use crate::layout::{Delivery, Page};

/// A page with a heading and a sentence, such as an error.
pub fn render_notice(heading: &str, text: &str) -> String {
    let nothing = html! {};
    let main = html! {
        h1 { (heading) }
        p.lead { (text) }
        p { a href="/" { "All rules" } }
    };
    let delivery = Delivery::Served { head: &nothing, header: &nothing };
    Page { title: heading, delivery, main, footer: html! {} }.render_html()
}

/// A box for a state that a reader has to know of.
pub fn notice_box(content: &Markup) -> Markup {
    html! { div.notice role="note" { (content) } }
}
