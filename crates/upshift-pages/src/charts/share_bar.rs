//! A share as a bar within a row of a table, whose cells have its number.

use maud::{Markup, html};

use super::percent;

/// Draws the `share` of the whole that has a label, and the `behind` part of it that is behind.
pub fn render_share_bar(share: f64, behind: f64) -> Markup {
    let share = share.clamp(0.0, 1.0);
    html! {
        svg.share-bar width="100%" height="10" aria-hidden="true" {
            rect.track width="100%" height="10" rx="2" {}
            rect.whole width=(percent(share * 100.0)) height="10" rx="2" {}
            rect.behind width=(percent(behind.clamp(0.0, share) * 100.0)) height="10" rx="2" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        let bar = render_share_bar(0.25, 0.1).into_string();
        assert!(bar.contains("class=\"whole\" width=\"25%\""), "{bar}");
        assert!(bar.contains("class=\"behind\" width=\"10%\""), "{bar}");
        assert!(
            render_share_bar(7.0, 9.0).into_string().contains("class=\"behind\" width=\"100%\"")
        );
    }
}
