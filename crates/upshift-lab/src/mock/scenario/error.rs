//! The error of a scenario file.

use std::fmt;
use std::ops::Range;

use crate::nearest_name::nearest_name;

/// A file that is no scenario. The author of the file is at fault.
///
/// As text it is `FILE:LINE:COLUMN: message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    file: String,
    line: usize,
    column: usize,
    message: String,
}

impl ScenarioError {
    /// The error with `message` about a range of bytes of `text`.
    pub(super) fn at(text: &str, file: &str, span: Range<usize>, message: String) -> Self {
        let mut start = span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message,
        }
    }

    /// The error of the TOML reader, with a proposal where a name is misspelt.
    pub(super) fn from_toml(text: &str, file: &str, error: &toml::de::Error) -> Self {
        let message = error.message();
        let span = error.span().unwrap_or(0..0);
        Self::at(text, file, span, with_proposal(message))
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> usize {
        self.column
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message } = self;
        write!(f, "{file}:{line}:{column}: {message}")
    }
}

impl std::error::Error for ScenarioError {}

/// serde's message about an unknown name, in our words: it has the name and the known ones in back
/// quotes.
pub(super) fn with_proposal(message: &str) -> String {
    let is_key = message.starts_with("unknown field");
    if !is_key && !message.starts_with("unknown variant") {
        return message.to_owned();
    }
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let Some((given, known)) = quoted.split_first() else { return message.to_owned() };
    let kind =
        if is_key { format!("unknown key `{given}`") } else { format!("`{given}` is unknown") };
    match nearest_name(given, known.iter().copied()) {
        Some(near) => format!("{kind}; did you mean `{near}`?"),
        None => format!("{kind}; known are `{}`", known.join("`, `")),
    }
}
