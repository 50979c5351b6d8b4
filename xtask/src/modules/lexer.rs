//! Words and punctuation of Rust source text; comments, strings and characters are left out.

/// A piece of source text that a path can be made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Token<'t> {
    /// An identifier, a keyword or a number.
    Word(&'t str),
    /// The `::` between two segments of a path.
    PathSeparator,
    /// Any other character that is not white space.
    Symbol(char),
}

/// A token and the number of its line, counted from 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed<'t> {
    pub(super) token: Token<'t>,
    pub(super) line: usize,
}

/// Splits source text into tokens.
pub(super) fn tokenize(text: &str) -> Vec<Placed<'_>> {
    let mut lexer = Lexer { text, at: 0, line: 1, tokens: Vec::new() };
    while let Some(c) = lexer.rest().chars().next() {
        lexer.take_token(c);
    }
    lexer.tokens
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    tokens: Vec<Placed<'t>>,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn take_token(&mut self, c: char) {
        let rest = self.rest();
        if rest.starts_with("//") {
            self.skip(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.skip(block_comment_length(rest));
        } else if let Some(length) = raw_string_length(rest) {
            self.skip(length);
        } else if c == '"' {
            self.skip(quoted_length(rest, '"'));
        } else if c == '\'' {
            self.skip(quote_length(rest));
        } else if is_word(c) {
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            self.push(Token::Word(&rest[..length]), length);
        } else if rest.starts_with("::") {
            self.push(Token::PathSeparator, 2);
        } else if c.is_whitespace() {
            self.skip(c.len_utf8());
        } else {
            self.push(Token::Symbol(c), c.len_utf8());
        }
    }

    fn push(&mut self, token: Token<'t>, length: usize) {
        self.tokens.push(Placed { token, line: self.line });
        self.skip(length);
    }

    fn skip(&mut self, length: usize) {
        self.line += self.rest()[..length].matches('\n').count();
        self.at += length;
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of the block comment that `text` begins with; block comments nest.
fn block_comment_length(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        let rest = &text[at..];
        let Some(c) = rest.chars().next() else { return at };
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
        } else {
            at += c.len_utf8();
        }
        if depth == 0 {
            return at;
        }
    }
}

/// The length of a raw string such as `r#"…"#`, if `text` begins with one.
fn raw_string_length(text: &str) -> Option<usize> {
    let marked = ["r", "br", "cr"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let hashes = marked.len() - marked.trim_start_matches('#').len();
    // Without the quote it is an identifier, such as `raw` or `r#type`.
    let content = marked[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = match content.find(&end) {
        Some(at) => at + end.len(),
        None => content.len(),
    };
    Some(text.len() - content.len() + length)
}

/// The length of the literal that `text` begins with, both quotes included.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

/// The length of what begins with `'`: a character, or the mark of a lifetime or a label.
fn quote_length(text: &str) -> usize {
    let mut after = text.chars().skip(1);
    let (first, second) = (after.next(), after.next());
    if first == Some('\\') || second == Some('\'') { quoted_length(text, '\'') } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        let mut words = Vec::new();
        for placed in tokenize(text) {
            if let Token::Word(word) = placed.token {
                words.push(word);
            }
        }
        words
    }

    /// Comments, strings and characters yield no words, so that a path in one is not taken for an
    /// import.
    #[test]
    fn comments_and_literals_hold_no_words() {
        assert_eq!(words("a // b\nc /* d /* e */ f */ g"), ["a", "c", "g"]);
        assert_eq!(words(r###"a "b \" c" d r#"e " f"# g br"h" i"###), ["a", "d", "g", "i"]);
        assert_eq!(words(r"a 'b' c '\'' d '\\' e '\u{1F}' f"), ["a", "c", "d", "e", "f"]);
    }

    /// A lifetime is not taken for a character, which would hide the code behind it.
    #[test]
    fn a_lifetime_hides_nothing() {
        assert_eq!(
            words("fn a<'t>(b: &'t str, c: &'t str)"),
            ["fn", "a", "t", "b", "t", "str", "c", "t", "str"]
        );
    }

    #[test]
    fn lines_are_counted_through_comments_and_strings() {
        let lines: Vec<usize> =
            tokenize("a /*\n*/ b \"\n\n\" c").iter().map(|placed| placed.line).collect();
        assert_eq!(lines, [1, 2, 4]);
    }
}
