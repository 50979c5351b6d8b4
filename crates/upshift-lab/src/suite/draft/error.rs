//! A source that no suite can be written from.

use std::fmt;

use super::secret_text::mask;

/// A source that no suite can be written from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftError {
    /// The line, from 1; 0 if it is not known.
    pub line: usize,
    /// The column, from 1; 0 if it is not known.
    pub column: usize,
    /// The fault.
    pub message: String,
    /// The way out.
    pub help: String,
}

impl DraftError {
    /// An error without a place. Secrets in its message are masked.
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { line: 0, column: 0, message: mask(&message.into()), help: help.into() }
    }

    /// The same error at a line and a column, which are 0 if they are not known.
    #[must_use]
    pub(super) fn at(self, line: usize, column: usize) -> Self {
        Self { line, column, ..self }
    }
}

impl fmt::Display for DraftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => {}
            (line, 0) => write!(f, "line {line}: ")?,
            (line, column) => write!(f, "line {line}, column {column}: ")?,
        }
        f.write_str(&self.message)?;
        if self.help.is_empty() { Ok(()) } else { write!(f, "\n  help: {}", self.help) }
    }
}

impl std::error::Error for DraftError {}
