//! An error or warning about a byte range of a text, before its line and column are known.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, Severity};
use crate::line_index::LineIndex;

/// An error or warning about a byte range of a text.
#[derive(Clone, Debug)]
pub(crate) struct SpanDiagnostic {
    severity: Severity,
    span: Range<usize>,
    message: String,
    label: String,
    help: Vec<String>,
    is_of_missing_key: bool,
}

impl SpanDiagnostic {
    pub(crate) fn error(span: Range<usize>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, span, message)
    }

    pub(crate) fn warning(span: Range<usize>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, span, message)
    }

    /// An error about a key that the table at `span` lacks.
    pub(crate) fn missing_key(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { is_of_missing_key: true, ..Self::error(span, message) }
    }

    pub(crate) fn new(severity: Severity, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity,
            span,
            message: message.into(),
            label: String::new(),
            help: Vec::new(),
            is_of_missing_key: false,
        }
    }

    pub(crate) fn with_label(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    pub(crate) fn is_of_missing_key(&self) -> bool {
        self.is_of_missing_key
    }

    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    pub(crate) fn start(&self) -> usize {
        self.span.start
    }

    /// The diagnostic with its line and column in `text`, which has these lines and is the text of
    /// `file`.
    pub(crate) fn locate(self, text: &str, lines: &LineIndex, file: &str) -> Diagnostic {
        let start = floor_char_boundary(text, self.span.start);
        let line_start = match text[..start].rfind('\n') {
            Some(newline) => newline + 1,
            None => 0,
        };
        let line_end = match text[start..].find('\n') {
            Some(length) => start + length,
            None => text.len(),
        };
        // A span may cover several lines, as that of an array does; one line is shown and marked.
        let end = floor_char_boundary(text, self.span.end.max(start)).min(line_end);
        Diagnostic {
            severity: self.severity,
            file: file.to_owned(),
            line: lines.line_of(start),
            column: text[line_start..start].chars().count() + 1,
            // In characters, as the column is. An empty span is marked with one `^`.
            width: text[start..end.max(start)].chars().count().max(1),
            message: self.message,
            label: self.label,
            help: self.help,
            excerpt: text[line_start..line_end].trim_end().to_owned(),
        }
    }
}

/// The last character boundary at or before `at`: a slice that ends within a character panics.
fn floor_char_boundary(text: &str, at: usize) -> usize {
    let mut boundary = at.min(text.len());
    while !text.is_char_boundary(boundary) {
        boundary -= 1;
    }
    boundary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_under_what_it_marks() {
        let text = "a = 1\nkey = \"wért\" # ü\n";
        let at = text.find("\"wért").unwrap_or_default();
        let found = SpanDiagnostic::error(at..at + 7, "no")
            .with_label("here")
            .with_help("do\nthis")
            .locate(text, &LineIndex::of_text(text), "f.toml");
        assert_eq!(
            found.to_string(),
            "error: no\n --> f.toml:2:7\n  |\n2 | key = \"wért\" # ü\n  |       ^^^^^^ here\n  = help: do\n          this\n"
        );
    }

    /// The file may be of somebody else: `check -` reads what comes from a network.
    #[test]
    fn what_a_terminal_would_obey_is_shown_as_an_escape() {
        let text = "\tkey = \"\u{1b}[2J\u{202e}\" # x\n";
        let at = text.find('\u{1b}').unwrap_or_default();
        let found = SpanDiagnostic::error(at..at + 1, "no \u{1b}c")
            .with_label("\u{9b}m")
            .with_help("do\nthis\r");
        assert_eq!(
            found.locate(text, &LineIndex::of_text(text), "f\u{7}").to_string(),
            "error: no \\u{1b}c\n --> f\\u{7}:1:9\n  |\n1 |  key = \"\\u{1b}[2J\\u{202e}\" # x\n  |         \
             ^^^^^^ \\u{9b}m\n  = help: do\n          this\\r\n"
        );
    }

    #[test]
    fn a_long_line_is_shown_around_its_mark() {
        let text = format!("a = [{}, bad]", "1, ".repeat(80));
        let at = text.find("bad").unwrap_or_default();
        let found = SpanDiagnostic::error(at..at + 3, "no");
        let shown = found.locate(&text, &LineIndex::of_text(&text), "f").to_string();
        let lines: Vec<&str> = shown.lines().collect();
        let column = |line: &str, what: &str| line.find(what).map(|at| line[..at].chars().count());
        assert_eq!(column(lines[3], "bad"), column(lines[4], "^^^"));
    }
}
