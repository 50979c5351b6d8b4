//! The place of a key, for findings about a file that show only when it is used: a certificate that
//! is missing, say.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Finding, Severity};

/// A finding about the value of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFinding {
    /// The path of the key, such as `gateway.tls.key` or `upstream.0.ca`; empty for the file as a
    /// whole.
    pub key: String,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl KeyFinding {
    /// The finding with its place in the text of the file. Where the key is not in the text, the
    /// place is that of the innermost table that is.
    pub fn place(&self, text: &str, file_name: &str) -> Diagnostic {
        let (table, _) = DeTable::parse_recoverable(text);
        let span = place_of(table.get_ref(), &self.key);
        let finding = match self.severity {
            Severity::Error => Finding::error(span, self.message.clone()),
            Severity::Warning => Finding::warning(span, self.message.clone()),
        };
        finding.help(self.help.clone()).place(file_name, text)
    }
}

fn place_of(root: &DeTable<'_>, path: &str) -> Range<usize> {
    let mut place = 0..0;
    let mut parts = path.split('.').filter(|part| !part.is_empty());
    let first = parts.next().unwrap_or_default();
    // `gateway.upstream` is the last upstream, and without `[[upstream]]` the only one.
    let short = root
        .get("gateway")
        .filter(|_| first == "upstream")
        .and_then(|gateway| member(gateway, first));
    let Some(mut value) = root.get(first).or(short) else { return place };
    place = value.span();
    for part in parts {
        let Some(inner) = member(value, part) else { break };
        value = inner;
        place = value.span();
    }
    place
}

fn member<'v, 'i>(value: &'v Spanned<DeValue<'i>>, part: &str) -> Option<&'v Spanned<DeValue<'i>>> {
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
        let finding = KeyFinding {
            key: key.to_owned(),
            severity: Severity::Error,
            message: "m".into(),
            help: "h".into(),
        };
        let placed = finding.place(FILE, "upshift.toml");
        (placed.line, placed.column)
    }

    #[test]
    fn a_key_is_found_and_else_its_table() {
        assert_eq!(place("gateway.tls.key"), (3, 15));
        assert_eq!(place("upstream.0.ca"), (5, 6));
        assert_eq!(place("gateway.tls.certificate"), (3, 7));
        assert_eq!(place("gateway.upstream").0, 1);
        assert_eq!(place("breaker.webhook"), (1, 1));
        let short = "[gateway]\nupstream = \"http://127.0.0.1:1\"\n";
        let finding = KeyFinding {
            key: "upstream.0".into(),
            severity: Severity::Warning,
            message: "m".into(),
            help: "h".into(),
        };
        assert_eq!(finding.place(short, "upshift.toml").line, 2);
    }
}
