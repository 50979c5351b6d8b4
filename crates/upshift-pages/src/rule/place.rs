//! The place of the sections of a rule in a page, which makes their headings and element ids.

use maud::{Markup, html};

/// The place of the sections in a page.
pub(crate) struct Place<'a> {
    /// The time (RFC 3339, UTC).
    pub(crate) now: &'a str,
    /// The rule's id.
    pub(crate) rule: &'a str,
    /// The prefix of all element ids, and the id of the element that names the rule.
    pub(crate) id: String,
    /// True if the rule has the page for itself, so that its headings begin at `<h1>`.
    pub(crate) has_page: bool,
}

impl Place<'_> {
    /// The heading of a section, with an id that names it.
    pub(crate) fn heading(&self, name: &str, text: &str) -> Markup {
        let id = self.element_id(name);
        html! {
            @if self.has_page { h2 id=(id) { (text) } } @else { h3 id=(id) { (text) } }
        }
    }

    /// A section with its heading.
    pub(crate) fn section(&self, name: &str, heading: &str, content: &Markup) -> Markup {
        let own = self.element_id(name);
        let label = if self.has_page { own } else { format!("{} {own}", self.id) };
        html! {
            section aria-labelledby=(label) {
                (self.heading(name, heading))
                (content)
            }
        }
    }

    /// The caption of a table, which names the region that scrolls: no two regions of a page have
    /// the same name.
    pub(crate) fn caption(&self, text: &str) -> String {
        if self.has_page { text.to_owned() } else { format!("{text} ({})", self.rule) }
    }

    /// An element id of this rule.
    pub(crate) fn element_id(&self, name: &str) -> String {
        format!("{}-{name}", self.id)
    }
}
