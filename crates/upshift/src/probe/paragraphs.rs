//! Text in lines of at most 80 columns.

/// The width of the report.
pub(super) const WIDTH: usize = 80;

/// Breaks a text into lines between words, each with this indent. A word that is too long has a line
/// of its own.
pub(super) fn wrap(text: &str, indent: usize) -> Vec<String> {
    let blank = " ".repeat(indent);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let length = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && indent + length > WIDTH {
            lines.push(format!("{blank}{line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(format!("{blank}{line}"));
    }
    lines
}

/// The text in at most `width` columns, cut with `…`.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// `h1.0, h1.1, ws and 5 others`.
pub(super) fn some_of(names: &[String]) -> String {
    const MOST: usize = 4;
    match names.len() {
        0..=MOST => names.join(", "),
        length => {
            let first = names[..MOST - 1].join(", ");
            format!("{first} and {} others", length - (MOST - 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        let lines = wrap(&"word ".repeat(30), 6);
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:?}");
        assert!(lines.iter().all(|line| line.starts_with("      word")), "{lines:?}");
        assert_eq!(wrap(&"x".repeat(100), 2), [format!("  {}", "x".repeat(100))]);
        assert!(wrap(" ", 2).is_empty());
    }

    #[test]
    fn texts_are_cut_by_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        let names: Vec<String> = (1..=6).map(|number| number.to_string()).collect();
        assert_eq!(some_of(&names), "1, 2, 3 and 3 others");
    }
}
