//! Untrusted text, made safe for a terminal.

use std::borrow::Cow;

/// Returns true if a terminal shows this character as itself: it is no control character, does not
/// change the direction of the text around it, and has a width.
///
/// ```
/// assert!(upshift_config::is_visible('ß') && upshift_config::is_visible(' '));
/// assert!(!upshift_config::is_visible('\u{1b}') && !upshift_config::is_visible('\u{202e}'));
/// ```
pub fn is_visible(character: char) -> bool {
    let hidden = matches!(
        character,
        '\u{ad}'                          // soft hyphen
            | '\u{61c}'                   // Arabic letter mark
            | '\u{180e}'                  // Mongolian vowel separator
            | '\u{200b}'..='\u{200f}'     // zero width, direction marks
            | '\u{2028}'..='\u{202e}'     // line and paragraph separator, embeddings and overrides
            | '\u{2060}'..='\u{206f}'     // word joiner, invisible operators, isolates
            | '\u{feff}'                  // byte order mark
            | '\u{fff9}'..='\u{fffb}'     // interlinear annotation
            | '\u{1d173}'..='\u{1d17a}'   // musical formatting
            | '\u{e0000}'..='\u{e0fff}'   // tags, variation selectors beyond those of emoji
    );
    !hidden && !character.is_control()
}

/// Escapes every character that is not visible, as in `\u{1b}` or `\n`.
///
/// ```
/// assert_eq!(upshift_config::make_visible("gone\r\u{1b}[2K"), "gone\\r\\u{1b}[2K");
/// ```
pub fn make_visible(text: &str) -> Cow<'_, str> {
    // Nearly all text is visible, and needs no copy.
    if text.chars().all(is_visible) {
        return Cow::Borrowed(text);
    }
    let mut visible = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_visible(character) {
            visible.push(character);
        } else {
            // Escaped, not removed: the reader should see that something is there.
            visible.extend(character.escape_default());
        }
    }
    Cow::Owned(visible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_or_hides_is_escaped() {
        for (text, visible) in [
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("a\r\nb\tc", "a\\r\\nb\\tc"),
            ("\u{7f}\u{9b}31m", "\\u{7f}\\u{9b}31m"),
            ("\u{202e}exe.\u{2066}\u{200f}\u{61c}", "\\u{202e}exe.\\u{2066}\\u{200f}\\u{61c}"),
            ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            ("\u{e0041}\u{e007f}", "\\u{e0041}\\u{e007f}"),
        ] {
            assert_eq!(make_visible(text), visible);
        }
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for text in ["", "plain", "Käse ☃ 漢字 👍", "back\\slash", "عربي"] {
            assert!(matches!(make_visible(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
