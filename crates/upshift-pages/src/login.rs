//! The page that asks for the admin token.

use maud::{Markup, html};

use crate::layout::{Delivery, Page};

/// The page that asks for the admin token.
pub struct LoginPage<'a> {
    /// The path of the page to show afterwards.
    pub next: &'a str,
    /// The name that was typed before.
    pub name: &'a str,
    /// The error of the attempt before.
    pub error: Option<&'a str>,
}

impl LoginPage<'_> {
    /// Renders the page.
    pub fn render_html(&self) -> String {
        let nothing = html! {};
        let main = html! {
            h1 { "Log in" }
            p.lead { "This gateway’s dashboard asks for its admin token." }
            (self.render_form())
        };
        let delivery = Delivery::Served { head: &nothing, header: &nothing };
        Page { title: "Log in", delivery, main, footer: html! {} }.render_html()
    }

    fn render_form(&self) -> Markup {
        let described = self.error.map(|_| "login-error");
        html! {
            form.card.stacked method="post" action="/login" {
                @if let Some(error) = self.error {
                    p.error #login-error role="alert" { (error) }
                }
                input type="hidden" name="next" value=(self.next);
                // Password managers and browsers look for the user's name above the password.
                label for="name" { "Your name " span.hint { "optional" } }
                input #name name="name" value=(self.name) maxlength="40" autocomplete="username";
                p.hint { "It is kept with every change that you make." }
                label for="token" { "Admin token" }
                input #token name="token" type="password" autocomplete="current-password"
                    required autofocus aria-describedby=[described]
                    aria-invalid=[self.error.map(|_| "true")];
                p.hint {
                    "The value of " code { "admin-token" } " in " code { "[gateway]" }
                    " of the policy file."
                }
                button.primary type="submit" { "Log in" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_what_was_wrong_and_escapes_what_was_typed() {
        let page = LoginPage { next: "/\"><b>", name: "<i>", error: Some("Wrong.") }.render_html();
        assert!(page.contains("role=\"alert\">Wrong.</p>"), "{page}");
        assert!(!page.contains("<i>") && !page.contains("\"><b>"), "{page}");
        let page = LoginPage { next: "/", name: "", error: None }.render_html();
        assert!(!page.contains("aria-invalid") && !page.contains("alert"), "{page}");
    }
}
