//! A value of the file that knows its place.
//!
//! Each `read_…` method reports its own error and returns `None`, so that the walk goes on.

use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeValue;

use crate::collector::DiagnosticCollector;
use crate::span_diagnostic::SpanDiagnostic;
use crate::spelling::{join_names, nearest_name};

/// One value and its place in the file.
#[derive(Clone)]
pub(crate) struct TomlValue<'d> {
    value: &'d DeValue<'d>,
    span: Range<usize>,
    pub(crate) collector: &'d DiagnosticCollector<'d>,
}

/// A key of a table whose keys are free, and its value.
pub(crate) struct TomlEntry<'d> {
    pub(crate) key: &'d str,
    pub(crate) key_span: Range<usize>,
    pub(crate) value: TomlValue<'d>,
}

impl<'d> TomlValue<'d> {
    pub(crate) fn new(
        value: &'d Spanned<DeValue<'d>>,
        collector: &'d DiagnosticCollector<'d>,
    ) -> Self {
        Self { value: value.get_ref(), span: value.span(), collector }
    }

    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    pub(crate) fn as_toml(&self) -> &'d DeValue<'d> {
        self.value
    }

    /// The string, if the value is one.
    pub(crate) fn as_str(&self) -> Option<&'d str> {
        self.value.as_str()
    }

    pub(crate) fn is_false(&self) -> bool {
        matches!(self.value, DeValue::Boolean(false))
    }

    pub(crate) fn is_list(&self) -> bool {
        self.value.is_array()
    }

    pub(crate) fn is_table(&self) -> bool {
        self.value.is_table()
    }

    pub(crate) fn report(&self, diagnostic: SpanDiagnostic) {
        self.collector.report(diagnostic);
    }

    /// Reports an error at this value.
    pub(crate) fn report_error(&self, message: impl Into<String>, label: impl Into<String>) {
        self.report(self.error_here(message).with_label(label));
    }

    /// An error at this value, for the caller to complete and report.
    pub(crate) fn error_here(&self, message: impl Into<String>) -> SpanDiagnostic {
        SpanDiagnostic::error(self.span(), message)
    }

    /// Reports that the value is not of the expected type.
    pub(crate) fn report_type(&self, expected: &str) {
        let error = self.error_here(format!("expected {expected}, found {}", self.type_name()));
        let is_unquoted =
            matches!(self.value, DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_));
        // `api = { minimum = 2.0 }` and `http = 2` are valid TOML, and likely mistakes.
        if expected.starts_with("a string") && is_unquoted {
            self.report(error.with_label("put it in quotes"));
        } else {
            self.report(error);
        }
    }

    /// The type of the value, for messages.
    pub(crate) fn type_name(&self) -> &'static str {
        match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a number",
            DeValue::Boolean(true) => "`true`",
            DeValue::Boolean(false) => "`false`",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }

    /// A string; `expected` says of what kind: "a string such as …".
    pub(crate) fn read_string(&self, expected: &str) -> Option<&'d str> {
        let string = self.value.as_str();
        if string.is_none() {
            self.report_type(expected);
        }
        string
    }

    /// A string that is not blank.
    pub(crate) fn read_text(&self) -> Option<&'d str> {
        let text = self.read_string("a string")?;
        if text.trim().is_empty() {
            self.report_error("the text is empty", "write a text, or leave the key out");
            return None;
        }
        Some(text)
    }

    /// A string that `parse` accepts. The error of `parse` becomes the label beside the mark.
    pub(crate) fn parse_with<T>(
        &self,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.read_string(expected)?;
        match parse(text) {
            Ok(parsed) => Some(parsed),
            Err(label) => {
                self.report_error(format!("`{text}` is not {expected}"), label);
                None
            }
        }
    }

    /// The meaning of one of `words`; `what` is what the words name.
    pub(crate) fn read_word<T: Copy>(&self, what: &str, words: &[(&'static str, T)]) -> Option<T> {
        // Words are compared exactly, as keys are; the error names the nearest one.
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let expected = join_names(names.iter().copied());
        let given = self.read_string(&format!("a string, {expected}"))?;
        if let Some((_, meaning)) = words.iter().find(|(name, _)| *name == given) {
            return Some(*meaning);
        }
        let error = self
            .error_here(format!("unknown {what} `{given}`"))
            .with_label(format!("expected {expected}"));
        self.report(match nearest_name(given, names) {
            Some(near) => error.with_help(format!("did you mean `{near}`?")),
            None => error,
        });
        None
    }

    /// `true` or `false`.
    pub(crate) fn read_bool(&self) -> Option<bool> {
        let flag = self.value.as_bool();
        if flag.is_none() {
            self.report_type("`true` or `false`");
        }
        flag
    }

    /// An integer within `range`.
    pub(crate) fn read_integer(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let expected = match range.end() {
            &u64::MAX => format!("an integer of at least {}", range.start()),
            end if end == range.start() => format!("{end}, the only valid value"),
            end => format!("an integer from {} to {end}", range.start()),
        };
        let Some(integer) = self.value.as_integer() else {
            self.report_type(&expected);
            return None;
        };
        // The text is without its prefix `0x`, `0o` or `0b`. A negative number is an error here.
        match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                let message = format!("{integer} is out of range");
                self.report_error(message, format!("expected {expected}"));
                None
            }
        }
    }

    /// A share: a number from 0 to 1.
    pub(crate) fn read_share(&self) -> Option<f64> {
        const EXPECTED: &str = "a share from 0 to 1, such as 0.05";
        let text = match self.value {
            DeValue::Float(number) => number.as_str(),
            // The text of `0x1` has no prefix, and its digits would be read as decimal.
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            _ => {
                self.report_type(EXPECTED);
                return None;
            }
        };
        match text.parse() {
            // TOML has `nan` and `inf`, which are in no range.
            Ok(share) if (0.0..=1.0).contains(&share) => Some(share),
            _ => {
                self.report_error(format!("{text} is not a share"), format!("expected {EXPECTED}"));
                None
            }
        }
    }

    /// The path of a file; a relative path starts at `folder`.
    pub(crate) fn read_path(&self, folder: &Path) -> Option<PathBuf> {
        // `join` takes an absolute path as it is.
        Some(folder.join(self.read_text()?))
    }

    /// The members of a list; `members` says of what.
    pub(crate) fn read_list(&self, members: &str) -> Option<Vec<TomlValue<'d>>> {
        let Some(list) = self.value.as_array() else {
            self.report_type(&format!("a list of {members}"));
            return None;
        };
        Some(list.iter().map(|member| Self::new(member, self.collector)).collect())
    }

    /// The members of a list, or the value itself if it is no list.
    pub(crate) fn one_or_more(&self) -> Vec<TomlValue<'d>> {
        match self.value.as_array() {
            Some(list) => list.iter().map(|member| Self::new(member, self.collector)).collect(),
            None => vec![self.clone()],
        }
    }

    /// The entries of a table with free keys, in the order of the file.
    pub(crate) fn read_entries(&self, expected: &str) -> Option<Vec<TomlEntry<'d>>> {
        let Some(table) = self.value.as_table() else {
            self.report_type(expected);
            return None;
        };
        let mut entries = Vec::new();
        for (key, value) in table {
            entries.push(TomlEntry {
                key: key.get_ref(),
                key_span: key.span(),
                value: Self::new(value, self.collector),
            });
        }
        // Without its feature `preserve_order`, `toml` sorts a table by its keys.
        entries.sort_by_key(|entry| entry.key_span.start);
        Some(entries)
    }
}
