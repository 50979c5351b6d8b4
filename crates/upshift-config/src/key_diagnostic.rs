//! Diagnostics about the value of a key that only show when the value is used, such as a
//! certificate that is missing.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Severity};
use crate::line_index::LineIndex;
use crate::span_diagnostic::SpanDiagnostic;

/// An error or warning about the value of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDiagnostic {
    /// The path of the key, such as `gateway.tls.key` or `upstream.0.ca`; empty for the file as a
    /// whole.
    pub key: String,
    /// Error or warning.
    pub severity: Severity,
    /// The problem, in one line.
    pub message: String,
    /// The way to fix it.
    pub help: String,
}

impl KeyDiagnostic {
    /// The diagnostic with its place in the text of the file. If the text lacks the key, the place
    /// is that of the innermost table on the path.
    pub fn locate(&self, text: &str, file_name: &str) -> Diagnostic {
        // Parsed once more: a loaded file keeps no spans, and most files have no problem.
        let (table, _) = DeTable::parse_recoverable(text);
        let span = span_of_path(table.get_ref(), &self.key);
        let diagnostic = SpanDiagnostic::new(self.severity, span, self.message.clone());
        diagnostic.with_help(self.help.clone()).locate(text, &LineIndex::of_text(text), file_name)
    }
}

fn span_of_path(root: &DeTable<'_>, path: &str) -> Range<usize> {
    // The keys of settings have no dots, so that no quoting is needed.
    let mut parts = path.split('.');
    let first = parts.next().unwrap_or_default();
    let Some(mut value) = top_level_value(root, first) else { return 0..0 };
    for part in parts {
        // A key that is left out has a default, and its table is where it would be added.
        let Some(inner) = member_of(value, part) else { break };
        value = inner;
    }
    value.span()
}

fn top_level_value<'v, 'i>(root: &'v DeTable<'i>, key: &str) -> Option<&'v Spanned<DeValue<'i>>> {
    if let Some(value) = root.get(key) {
        return Some(value);
    }
    // `gateway.upstream` is the last upstream, and without `[[upstream]]` the only one.
    if key == "upstream" { member_of(root.get("gateway")?, key) } else { None }
}

fn member_of<'v, 'i>(
    value: &'v Spanned<DeValue<'i>>,
    part: &str,
) -> Option<&'v Spanned<DeValue<'i>>> {
    match value.get_ref() {
        DeValue::Table(table) => table.get(part),
        DeValue::Array(array) => array.get(part.parse::<usize>().ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[gateway]\nhttp = \"127.0.0.1:1\"\ntls = { key = \"k.pem\" }\n[[upstream]]\nca = \"a.pem\"\n";

    fn place(key: &str) -> (usize, usize) {
        let diagnostic = KeyDiagnostic {
            key: key.to_owned(),
            severity: Severity::Error,
            message: "m".into(),
            help: "h".into(),
        };
        let located = diagnostic.locate(FILE, "upshift.toml");
        (located.line, located.column)
    }

    #[test]
    fn a_key_is_found_and_else_its_table() {
        assert_eq!(place("gateway.tls.key"), (3, 15));
        assert_eq!(place("upstream.0.ca"), (5, 6));
        assert_eq!(place("gateway.tls.certificate"), (3, 7));
        assert_eq!(place("gateway.upstream").0, 1);
        assert_eq!(place("breaker.webhook"), (1, 1));
        let short = "[gateway]\nupstream = \"http://127.0.0.1:1\"\n";
        let diagnostic = KeyDiagnostic {
            key: "upstream.0".into(),
            severity: Severity::Warning,
            message: "m".into(),
            help: "h".into(),
        };
        assert_eq!(diagnostic.locate(short, "upshift.toml").line, 2);
    }
}
