//! What is told to the person who wrote the file, drawn as rustc draws it: where, what, what was
//! expected, what helps.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::visible::make_visible;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, and will surprise somebody.
    Warning,
}

/// One error or warning about a file, complete: it can be shown without the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The file, as it was named by who asked.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// How many characters are marked.
    pub width: usize,
    /// What is wrong, in one line.
    pub message: String,
    /// What was expected, written beside the mark.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<String>,
    /// The line itself.
    pub excerpt: String,
}

/// Escape sequences for a terminal, or none.
struct Paint {
    severity: &'static str,
    frame: &'static str,
    bold: &'static str,
    reset: &'static str,
}

impl Paint {
    fn new(colour: bool, severity: Severity) -> Self {
        let severity = match (colour, severity) {
            (false, _) => return Self { severity: "", frame: "", bold: "", reset: "" },
            (true, Severity::Error) => "\x1b[1;31m",
            (true, Severity::Warning) => "\x1b[1;33m",
        };
        Self { severity, frame: "\x1b[1;34m", bold: "\x1b[1m", reset: "\x1b[0m" }
    }
}

/// Characters of a line that are shown, so that a terminal does not wrap it and lose the mark.
const SHOWN: usize = 110;

impl Diagnostic {
    /// The text for a person, over several lines, with colours if `colour`.
    pub fn render(&self, colour: bool) -> String {
        let Paint { severity, frame, bold, reset } = Paint::new(colour, self.severity);
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let (line, gutter) = (self.line, " ".repeat(self.line.to_string().len()));
        let window = self.window();
        let mark =
            format!("{}{}", " ".repeat(window.start), "^".repeat(window.width.clamp(1, SHOWN)));
        let mut text = format!(
            "{severity}{word}{reset}{bold}: {message}{reset}\n\
             {gutter}{frame}-->{reset} {file}:{line}:{column}\n\
             {gutter} {frame}|{reset}\n\
             {frame}{line} |{reset} {excerpt}\n\
             {gutter} {frame}|{reset} {severity}{mark}{space}{label}{reset}\n",
            message = make_visible(&self.message),
            file = make_visible(&self.file),
            excerpt = window.text,
            column = self.column,
            space = if self.label.is_empty() { "" } else { " " },
            label = make_visible(&self.label),
        );
        for help in &self.help {
            let lines: Vec<_> = help.split('\n').map(make_visible).collect();
            let help = lines.join(&format!("\n{gutter}         "));
            text.push_str(&format!("{gutter} {frame}={reset} {bold}help{reset}: {help}\n"));
        }
        text
    }

    /// The part of the line around the mark.
    fn window(&self) -> Window {
        let characters: Vec<char> = self.excerpt.chars().collect();
        let at = (self.column - 1).min(characters.len());
        let (mut from, mut to) = (0, characters.len());
        if to > SHOWN {
            from = if at + self.width < SHOWN { 0 } else { at.saturating_sub(SHOWN / 3) };
            to = to.min(from + SHOWN);
        }
        let (before, after) =
            (if from > 0 { "…" } else { "" }, if to < characters.len() { "…" } else { "" });
        let marked = (at + self.width).clamp(at, to);
        let left = shown(&characters[from..at]);
        let middle = shown(&characters[at..marked]);
        let right = shown(&characters[marked..to]);
        Window {
            start: before.chars().count() + left.chars().count(),
            width: middle.chars().count().max(1),
            text: format!("{before}{left}{middle}{right}{after}"),
        }
    }
}

/// The part of a line that is shown, and where the mark stands under it.
struct Window {
    text: String,
    start: usize,
    width: usize,
}

/// The characters as they are shown. A tab is one column, so that the mark stands under what it
/// marks.
fn shown(characters: &[char]) -> String {
    let text: String = characters.iter().map(|c| if *c == '\t' { ' ' } else { *c }).collect();
    make_visible(&text).into_owned()
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostic {}

/// An error or warning about a part of a text, before its place is counted out.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    severity: Severity,
    span: Range<usize>,
    message: String,
    label: String,
    help: Vec<String>,
    missing: bool,
}

impl Finding {
    pub(crate) fn error(span: Range<usize>, message: impl Into<String>) -> Self {
        let (message, label, help) = (message.into(), String::new(), Vec::new());
        Self { severity: Severity::Error, span, message, label, help, missing: false }
    }

    /// An error of something that is not there.
    pub(crate) fn missing(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { missing: true, ..Self::error(span, message) }
    }

    pub(crate) fn warning(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(span, message) }
    }

    pub(crate) fn label(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    pub(crate) fn is_of_something_missing(&self) -> bool {
        self.missing
    }

    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    pub(crate) fn start(&self) -> usize {
        self.span.start
    }

    /// Counts out line and column.
    pub(crate) fn place(self, file: &str, text: &str) -> Diagnostic {
        let start = floor_boundary(text, self.span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let end = floor_boundary(text, self.span.end.max(start)).min(line_end);
        Diagnostic {
            severity: self.severity,
            file: file.to_owned(),
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            width: text[start..end.max(start)].chars().count().max(1),
            message: self.message,
            label: self.label,
            help: self.help,
            excerpt: text[line_start..line_end].trim_end().to_owned(),
        }
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_under_what_it_marks() {
        let text = "a = 1\nkey = \"wért\" # ü\n";
        let at = text.find("\"wért").unwrap_or_default();
        let found =
            Finding::error(at..at + 7, "no").label("here").help("do\nthis").place("f.toml", text);
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
        let found = Finding::error(at..at + 1, "no \u{1b}c").label("\u{9b}m").help("do\nthis\r");
        assert_eq!(
            found.place("f\u{7}", text).to_string(),
            "error: no \\u{1b}c\n --> f\\u{7}:1:9\n  |\n1 |  key = \"\\u{1b}[2J\\u{202e}\" # x\n  |         \
             ^^^^^^ \\u{9b}m\n  = help: do\n          this\\r\n"
        );
    }

    #[test]
    fn a_long_line_is_shown_around_its_mark() {
        let text = format!("a = [{}, bad]", "1, ".repeat(80));
        let at = text.find("bad").unwrap_or_default();
        let shown = Finding::error(at..at + 3, "no").place("f", &text).to_string();
        let lines: Vec<&str> = shown.lines().collect();
        let column = |line: &str, what: &str| line.find(what).map(|at| line[..at].chars().count());
        assert_eq!(column(lines[3], "bad"), column(lines[4], "^^^"));
    }
}
