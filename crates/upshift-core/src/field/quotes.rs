//! Quoted strings (RFC 9110 §5.6.4): separators inside of them do not separate.

/// A scanner that tells, character by character, what is inside of a quoted string.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct QuoteScanner {
    in_quotes: bool,
    is_escaped: bool,
}

impl QuoteScanner {
    /// Moves past one character and returns true if it is outside of quoted strings. The quotes
    /// count as inside.
    pub(super) fn is_outside(&mut self, character: impl Into<char>) -> bool {
        let was_escaped = std::mem::take(&mut self.is_escaped);
        if was_escaped {
            return false;
        }
        match character.into() {
            '"' => self.in_quotes = !self.in_quotes,
            // RFC 9110 §5.6.4: outside of a quoted string a backslash escapes nothing.
            '\\' if self.in_quotes => self.is_escaped = true,
            _ => return !self.in_quotes,
        }
        false
    }

    /// Returns true if the last quoted string has not been closed.
    pub(super) fn is_open(self) -> bool {
        self.in_quotes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside(text: &str) -> String {
        let mut scanner = QuoteScanner::default();
        text.chars().filter(|character| scanner.is_outside(*character)).collect()
    }

    #[test]
    fn quotes_and_what_they_hold_are_inside() {
        assert_eq!(outside(r#"a,"b,c",d"#), "a,,d");
        assert_eq!(outside(r#""\",",a"#), ",a");
        assert_eq!(outside(r#"a,"b,c"#), "a,");
    }

    #[test]
    fn an_escaped_quote_does_not_close_a_string() {
        let mut scanner = QuoteScanner::default();
        for byte in br#""a\""# {
            scanner.is_outside(*byte);
        }
        assert!(scanner.is_open());
    }
}
