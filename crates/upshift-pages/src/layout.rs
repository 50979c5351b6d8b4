//! The frame of every page: head, header, main part and footer.

use maud::{DOCTYPE, Markup, html};

use crate::stylesheet;

/// A page.
pub struct Page<'a> {
    /// The title of the browser's tab, without the name of the product.
    pub title: &'a str,
    /// The way in which the page is delivered.
    pub delivery: Delivery<'a>,
    /// The content of `<main>`, which has the page's only `<h1>`.
    pub main: Markup,
    /// The content of the footer.
    pub footer: Markup,
}

/// The way in which a page is delivered.
#[derive(Clone, Copy)]
pub enum Delivery<'a> {
    /// By a gateway, with its stylesheet at an address of its own.
    Served {
        /// Further elements of the head, such as a script.
        head: &'a Markup,
        /// Further elements of the header, such as a button to log out.
        header: &'a Markup,
    },
    /// As one file that contains its stylesheet.
    File,
}

impl Page<'_> {
    /// Renders the page.
    pub fn render_html(&self) -> String {
        let Self { title, delivery, main, footer } = self;
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    title { (title) " · Upshift" }
                    (head_elements(*delivery))
                }
                body {
                    a.skip href="#main" { "Skip to content" }
                    (page_header(*delivery))
                    main #main tabindex="-1" { (main) }
                    footer.page-footer { (footer) }
                }
            }
        };
        page.into_string()
    }
}

fn head_elements(delivery: Delivery<'_>) -> Markup {
    match delivery {
        Delivery::Served { head, .. } => html! {
            link rel="stylesheet" href=(stylesheet::path());
            link rel="icon" href=(stylesheet::ICON);
            (head)
        },
        Delivery::File => html! {
            // Before the style, to which it applies.
            meta http-equiv="Content-Security-Policy" content=(stylesheet::file_policy());
            style { (maud::PreEscaped(stylesheet::CSS)) }
        },
    }
}

fn page_header(delivery: Delivery<'_>) -> Markup {
    let logo = html! {
        svg.logo viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" {
            circle cx="12" cy="12" r="10" {}
            path d="M12 17V7m-4.5 4.5L12 7l4.5 4.5" {}
        }
        "Upshift"
    };
    html! {
        header.page-header {
            @match delivery {
                Delivery::Served { header, .. } => {
                    a.brand href="/" { (logo) }
                    nav aria-label="Pages" {
                        ul {
                            li { a href="/" { "Rules" } }
                            li { a href="/#upstreams" { "Upstreams" } }
                            li { a href="/#api" { "API" } }
                        }
                    }
                    (header)
                }
                Delivery::File => span.brand { (logo) },
            }
        }
    }
}
