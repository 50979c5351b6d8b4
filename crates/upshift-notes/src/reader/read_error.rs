//! An error in an input.

use std::fmt;

/// An error in an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The line, from 1, if the error has one.
    pub line: Option<usize>,
    /// The error, with what was found.
    pub message: String,
    /// The way out.
    pub help: &'static str,
}

impl ReadError {
    pub(super) fn at(line: usize, message: impl Into<String>, help: &'static str) -> Self {
        Self { line: Some(line), message: message.into(), help }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.message)?;
        if self.help.is_empty() { Ok(()) } else { write!(f, "\n  help: {}", self.help) }
    }
}

impl std::error::Error for ReadError {}

/// The message of `serde_json` without ` at line 1 column 2`, which is said elsewhere.
pub(super) fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => format!("{} (column {})", &text[..end], error.column()),
        None => text,
    }
}
