//! The reader of a page: one who may only read, or one who is logged in and may act.

use maud::{Markup, html};

/// The reader of a page.
#[derive(Clone, Copy, Debug)]
pub enum PageViewer<'a> {
    /// May read only.
    Reader,
    /// Is logged in, and may act.
    Operator {
        /// The secret of the session that all forms contain.
        key: &'a str,
        /// The name that the user gave; it may be empty.
        user: &'a str,
    },
}

impl<'a> PageViewer<'a> {
    /// The secret of the session, if the reader may act.
    pub fn key(self) -> Option<&'a str> {
        match self {
            Self::Reader => None,
            Self::Operator { key, .. } => Some(key),
        }
    }

    /// The part of the page's header that names the user and logs out.
    pub fn header(self) -> Markup {
        let Self::Operator { key, user } = self else { return html! {} };
        html! {
            form.session method="post" action="/logout" {
                @if !user.is_empty() { span.user { (user) } }
                (key_field(key))
                button.plain type="submit" { "Log out" }
            }
        }
    }
}

/// The secret of the session as a field of a form.
pub(crate) fn key_field(key: &str) -> Markup {
    html! { input type="hidden" name="key" value=(key); }
}
