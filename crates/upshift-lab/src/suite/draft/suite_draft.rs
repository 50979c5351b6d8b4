//! A suite to be written, and its text.

use std::fmt;

use super::case_text::{case_text, comment_text};
use super::draft_case::DraftCase;
use super::secret_text::mask;
use crate::suite::toml_text::toml_string;

/// The name of the file that the first line of a suite names as its schema.
pub const SCHEMA_FILE: &str = "upshift-suite.schema.json";

/// A suite to be written.
#[derive(Clone, Debug, Default)]
pub struct SuiteDraft {
    /// The name for people.
    pub name: String,
    /// The lines of the comment at its top.
    pub comment: Vec<String>,
    /// The URL that the targets of the cases are relative to, with variables; empty: none is.
    pub target: String,
    /// The `https` URL of the lanes that need TLS; empty: that of `target`.
    pub tls_target: String,
    /// The cases.
    pub cases: Vec<DraftCase>,
    /// The parts of the source that could not be carried over.
    pub remarks: Vec<DraftRemark>,
}

/// A part of the source that the suite does not have, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftRemark {
    /// The line in the source, from 1, where it has lines.
    pub line: Option<usize>,
    /// The remark.
    pub message: String,
}

impl SuiteDraft {
    /// The text of the suite.
    pub fn to_toml(&self) -> String {
        let mut text = format!("#:schema ./{SCHEMA_FILE}\n");
        if !self.comment.is_empty() {
            text.push_str("#\n");
            text.push_str(&comment_text(&self.comment));
        }
        text.push('\n');
        let head =
            [("suite", &self.name), ("target", &self.target), ("tls-target", &self.tls_target)];
        let width = if self.tls_target.is_empty() { 6 } else { 10 };
        for (key, value) in head {
            if !value.is_empty() {
                text.push_str(&format!("{key:<width$} = {}\n", toml_string(value)));
            }
        }
        for case in &self.cases {
            text.push('\n');
            text.push_str(&case_text(case));
        }
        text
    }

    /// The line of the text, from 1, on which each case begins.
    pub(super) fn case_lines(&self) -> Vec<usize> {
        let head = Self { cases: Vec::new(), remarks: Vec::new(), ..self.clone() };
        let mut line = head.to_toml().lines().count() + 2;
        let mut lines = Vec::new();
        for case in &self.cases {
            lines.push(line);
            line += case_text(case).lines().count() + 1;
        }
        lines
    }
}

impl DraftRemark {
    /// A remark about a line, if the source has lines. Secrets in it are masked.
    pub fn new(line: Option<usize>, message: impl Into<String>) -> Self {
        Self { line, message: mask(&message.into()) }
    }
}

impl fmt::Display for DraftRemark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.message)
    }
}
