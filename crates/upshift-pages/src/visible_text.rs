//! Texts of others, in which nothing is hidden.

use maud::{Markup, html};

/// Content in its own lines. Other control characters, and those that change the direction of a
/// text, are shown as U+FFFD.
pub(crate) fn visible_content(octets: &[u8]) -> String {
    visible_lines(&String::from_utf8_lossy(octets))
}

/// The same for a text that has lines.
pub(crate) fn visible_lines(text: &str) -> String {
    let mut visible = String::new();
    for character in text.chars() {
        let is_hidden = match character {
            '\n' | '\t' => false,
            '\r' => continue,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
            other => other.is_control(),
        };
        visible.push(if is_hidden { char::REPLACEMENT_CHARACTER } else { character });
    }
    visible
}

/// A text in which what stands between backticks is code.
pub(crate) fn with_code(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_keeps_its_lines_and_hides_nothing() {
        let text = visible_content("a\r\nb\u{1b}[0m\u{202e}c".as_bytes());
        assert_eq!(text, "a\nb\u{fffd}[0m\u{fffd}c");
    }
}
