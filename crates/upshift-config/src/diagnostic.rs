//! A complete error or warning about a policy file, and its rendering in the style of rustc.

use std::fmt;

use serde::Serialize;

use crate::visible::make_visible;

/// The severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but it probably does not do what its author expects.
    Warning,
}

/// One error or warning about a file. It can be shown without the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The name of the file, as the caller gave it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The number of marked characters.
    pub width: usize,
    /// The problem, in one line.
    pub message: String,
    /// The expected value or the cause, shown beside the mark.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// Ways to fix the problem.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<String>,
    /// The text of the line.
    pub excerpt: String,
}

/// Escape sequences for a terminal; empty without colours.
struct Style {
    severity: &'static str,
    frame: &'static str,
    bold: &'static str,
    reset: &'static str,
}

impl Style {
    fn new(colour: bool, severity: Severity) -> Self {
        let severity_colour = match (colour, severity) {
            (false, _) => return Self { severity: "", frame: "", bold: "", reset: "" },
            (true, Severity::Error) => "\x1b[1;31m",
            (true, Severity::Warning) => "\x1b[1;33m",
        };
        Self { severity: severity_colour, frame: "\x1b[1;34m", bold: "\x1b[1m", reset: "\x1b[0m" }
    }
}

/// The number of characters of a line that are shown. A longer line would be wrapped by most
/// terminals, and the mark would no longer be below the marked text.
const MAX_SHOWN: usize = 110;

impl Diagnostic {
    /// The diagnostic as text of several lines, with terminal colours if `colour` is set.
    pub fn render(&self, colour: bool) -> String {
        let Style { severity, frame, bold, reset } = Style::new(colour, self.severity);
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let (line, gutter) = (self.line, " ".repeat(self.line.to_string().len()));
        // All text of the file is escaped: with `check -` it may come from a network and hold
        // escape sequences.
        let excerpt = self.marked_excerpt();
        let indent = " ".repeat(excerpt.start);
        let mark = "^".repeat(excerpt.width.clamp(1, MAX_SHOWN));
        let mut text = format!(
            "{severity}{word}{reset}{bold}: {message}{reset}\n\
             {gutter}{frame}-->{reset} {file}:{line}:{column}\n\
             {gutter} {frame}|{reset}\n\
             {frame}{line} |{reset} {shown}\n\
             {gutter} {frame}|{reset} {severity}{indent}{mark}{space}{label}{reset}\n",
            message = make_visible(&self.message),
            file = make_visible(&self.file),
            shown = excerpt.text,
            column = self.column,
            space = if self.label.is_empty() { "" } else { " " },
            label = make_visible(&self.label),
        );
        for help in &self.help {
            // Split first: `make_visible` would escape the newlines.
            let lines: Vec<_> = help.split('\n').map(make_visible).collect();
            let indented = lines.join(&format!("\n{gutter}         "));
            text.push_str(&format!("{gutter} {frame}={reset} {bold}help{reset}: {indented}\n"));
        }
        text
    }

    /// The part of the line around the mark.
    fn marked_excerpt(&self) -> MarkedExcerpt {
        let characters: Vec<char> = self.excerpt.chars().collect();
        // The mark may be behind the last character, where something is missing.
        let at = (self.column - 1).min(characters.len());
        let (mut from, mut to) = (0, characters.len());
        if to > MAX_SHOWN {
            // Two thirds of the room is for the mark and what follows it.
            from = if at + self.width < MAX_SHOWN { 0 } else { at.saturating_sub(MAX_SHOWN / 3) };
            to = to.min(from + MAX_SHOWN);
        }
        let before = if from > 0 { "…" } else { "" };
        let after = if to < characters.len() { "…" } else { "" };
        let marked = (at + self.width).clamp(at, to);
        let left = visible_text(&characters[from..at]);
        let middle = visible_text(&characters[at..marked]);
        let right = visible_text(&characters[marked..to]);
        MarkedExcerpt {
            start: before.chars().count() + left.chars().count(),
            width: middle.chars().count().max(1),
            text: format!("{before}{left}{middle}{right}{after}"),
        }
    }
}

/// The shown part of a line, and the position of the mark below it.
struct MarkedExcerpt {
    text: String,
    start: usize,
    width: usize,
}

/// The characters with escapes for those that a terminal would obey. A tab becomes one space, so
/// that the mark stays below the marked text.
fn visible_text(characters: &[char]) -> String {
    let text: String = characters.iter().map(|c| if *c == '\t' { ' ' } else { *c }).collect();
    make_visible(&text).into_owned()
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostic {}
