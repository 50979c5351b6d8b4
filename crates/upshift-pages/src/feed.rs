//! The section with the decisions as they are made, and its script.
//!
//! Without script, the section says where the decisions are recorded. Everything else in it is
//! hidden until the script runs.

use std::sync::LazyLock;

use maud::{Markup, html};

use crate::stylesheet::asset_path;
use crate::view::Scope;

/// The script of the live feed.
pub const SCRIPT: &str = include_str!("live.js");

static PATH: LazyLock<String> = LazyLock::new(|| asset_path("live", SCRIPT, "js"));

/// The path at which a gateway serves the script.
pub fn script_path() -> &'static str {
    &PATH
}

/// The element of the head that loads the script.
pub fn script_element() -> Markup {
    html! { script src=(script_path()) defer {} }
}

/// The section with the decisions of all rules, or of one.
pub fn feed_section(rule: Option<&str>, scope: Scope) -> Markup {
    let heading = match scope {
        Scope::Gateway => "Decisions as they are made",
        Scope::Fleet => "Decisions of this gateway as they are made",
    };
    html! {
        section.live aria-labelledby="live-heading" data-keep data-rule=[rule] {
            h2 #live-heading { (heading) }
            noscript {
                p.hint {
                    "This list needs script. Without it, set " code { "access-log" } " in "
                    code { "[gateway]" } ": the access record has every decision."
                }
            }
            div #live-content hidden {
                p.live-numbers #live-numbers role="status" {}
                p.live-bar {
                    button #live-pause type="button" aria-describedby="live-state" { "Pause" }
                    span #live-state { "Connecting…" }
                    span.hint #live-left-out {}
                }
                p.empty #live-empty { "Waiting for the next decision." }
                (feed_table(rule))
            }
        }
    }
}

fn feed_table(rule: Option<&str>) -> Markup {
    let caption = match rule {
        Some(_) => "The latest decisions of this rule, the newest first",
        None => "The latest decisions, the newest first",
    };
    html! {
        div.scroller #live-table tabindex="0" role="region" aria-label=(caption) hidden {
            table {
                caption.visually-hidden { (caption) }
                thead {
                    tr {
                        @for head in ["Time (UTC)", "Verdict", "Rule", "Observed", "Client", "Protocol", "Request", "Caller"] {
                            th scope="col" { (head) }
                        }
                    }
                }
                tbody #live-rows {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_escaped_in_the_section() {
        let section = feed_section(Some("\"><script>"), Scope::Gateway).into_string();
        assert!(!section.contains("\"><script>"), "{section}");
        assert!(!feed_section(None, Scope::Fleet).into_string().contains("data-rule"));
    }

    /// The Content-Security-Policy would stop them.
    #[test]
    fn the_script_needs_no_eval_and_sets_no_markup() {
        for refused in ["eval(", "Function(", "innerHTML", "insertAdjacentHTML", ".style", "http:"]
        {
            assert!(!SCRIPT.contains(refused), "{refused}");
        }
    }
}
