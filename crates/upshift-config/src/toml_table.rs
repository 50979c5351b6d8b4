//! A table of the file whose keys are known beforehand.
//!
//! A [`TomlTable`] remembers which of its keys were read. The others are unknown, and
//! [`TomlTable::report_unknown_keys`] reports them.

use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use toml::Spanned;
use toml::de::DeTable;

use crate::collector::DiagnosticCollector;
use crate::span_diagnostic::SpanDiagnostic;
use crate::spelling::{join_names, nearest_name};
use crate::toml_value::TomlValue;

/// A table, its place in the file, and the keys that were read from it.
pub(crate) struct TomlTable<'d> {
    /// The name of the table in the schema.
    name: &'static str,
    table: &'d DeTable<'d>,
    span: Range<usize>,
    keys_read: BTreeSet<&'static str>,
    pub(crate) collector: &'d DiagnosticCollector<'d>,
}

impl<'d> TomlTable<'d> {
    /// The table at `span`; `name` is its name in the schema.
    fn new(
        name: &'static str,
        table: &'d DeTable<'d>,
        span: Range<usize>,
        collector: &'d DiagnosticCollector<'d>,
    ) -> Self {
        Self { name, table, span, keys_read: BTreeSet::new(), collector }
    }

    /// The table that is the whole file.
    pub(crate) fn root(
        table: &'d Spanned<DeTable<'d>>,
        collector: &'d DiagnosticCollector<'d>,
    ) -> Self {
        // The whole file has no header that could be marked.
        Self::new("File", table.get_ref(), 0..0, collector)
    }

    /// The value of `key`, if the table has it.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<TomlValue<'d>> {
        // Also if the table lacks the key: it is a valid one, to be proposed for a misspelling.
        self.keys_read.insert(key);
        self.peek_value(key)
    }

    /// The value of `key`. An error is reported if the table lacks it; `description` says what the
    /// value is.
    pub(crate) fn require(
        &mut self,
        key: &'static str,
        description: &str,
    ) -> Option<TomlValue<'d>> {
        let value = self.get(key);
        if value.is_none() {
            let error = SpanDiagnostic::missing_key(self.span(), format!("`{key}` is missing"));
            self.report(error.with_label(format!("add `{key}`: {description}")));
        }
        value
    }

    /// The text of `key`, if the table has it.
    pub(crate) fn text_at(&mut self, key: &'static str) -> Option<String> {
        let text = self.get(key)?.read_text()?;
        Some(text.to_owned())
    }

    /// The value of a key that is `true` or `false`; `false` if the table lacks it.
    pub(crate) fn flag_at(&mut self, key: &'static str) -> bool {
        let Some(value) = self.get(key) else { return false };
        // The error is reported, and the file with it is not used.
        value.read_bool().unwrap_or(false)
    }

    /// The whole number of `key`, if it is there and within `range`.
    pub(crate) fn integer_at<T: TryFrom<u64>>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<T> {
        let integer = self.get(key)?.read_integer(range)?;
        // Callers give a range that fits `T`.
        T::try_from(integer).ok()
    }

    /// The meaning of the word at `key`, if it is one of `words`; `what` is what the words name.
    pub(crate) fn word_at<T: Copy>(
        &mut self,
        key: &'static str,
        what: &str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        self.get(key)?.read_word(what, words)
    }

    /// The duration of `key`, if the table has it.
    pub(crate) fn duration_at(&mut self, key: &'static str) -> Option<Duration> {
        self.get(key)?.read_duration()
    }

    /// The date of `key`, if the table has it.
    pub(crate) fn date_at(
        &mut self,
        key: &'static str,
        zone: Option<&TimeZone>,
    ) -> Option<Timestamp> {
        self.get(key)?.read_date(zone)
    }

    /// The path of `key`, if the table has it; a relative path starts at `folder`.
    pub(crate) fn path_at(&mut self, key: &'static str, folder: &Path) -> Option<PathBuf> {
        self.get(key)?.read_path(folder)
    }

    /// The value or the values of `key`; empty if the table lacks it.
    pub(crate) fn values_at(&mut self, key: &'static str) -> Vec<TomlValue<'d>> {
        match self.get(key) {
            Some(value) => value.one_or_more(),
            None => Vec::new(),
        }
    }

    /// The table at `key`, if there is one; `name` is its name in the schema.
    pub(crate) fn table_at(
        &mut self,
        key: &'static str,
        name: &'static str,
    ) -> Option<TomlTable<'d>> {
        self.get(key)?.read_table(name)
    }

    /// The tables at `key`; `name` is their name in the schema.
    pub(crate) fn tables_at(
        &mut self,
        key: &'static str,
        name: &'static str,
    ) -> Vec<TomlTable<'d>> {
        match self.get(key) {
            Some(value) => value.read_tables(name),
            None => Vec::new(),
        }
    }

    /// Returns true if the table has `key`.
    pub(crate) fn contains_key(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The value of `key`. The key does not count as read.
    pub(crate) fn peek_value(&self, key: &str) -> Option<TomlValue<'d>> {
        let value = self.table.get(key)?;
        Some(TomlValue::new(value, self.collector))
    }

    /// The string at `key`, if there is one. The key does not count as read.
    pub(crate) fn peek_string(&self, key: &str) -> Option<&'d str> {
        self.table.get(key)?.get_ref().as_str()
    }

    /// The place of the value of `key`, or of the table if it lacks the key.
    pub(crate) fn value_span(&self, key: &str) -> Range<usize> {
        match self.table.get(key) {
            Some(value) => value.span(),
            None => self.span(),
        }
    }

    /// The place of the key itself, or of the table if it lacks the key.
    pub(crate) fn key_span(&self, key: &str) -> Range<usize> {
        match self.table.get_key_value(key) {
            Some((key, _)) => key.span(),
            None => self.span(),
        }
    }

    /// The place of the table: its header or its braces.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    pub(crate) fn report(&self, diagnostic: SpanDiagnostic) {
        self.collector.report(diagnostic);
    }

    /// Returns true if the table has a key that was not read.
    pub(crate) fn has_unknown_key(&self) -> bool {
        self.table.keys().any(|key| !self.keys_read.contains(key.get_ref().as_ref()))
    }

    /// Reports the keys that were not read. Call it after the last key was read.
    pub(crate) fn report_unknown_keys(&self) {
        for key in self.table.keys() {
            if !self.keys_read.contains(key.get_ref().as_ref()) {
                self.report(self.unknown_key(key.get_ref(), key.span()));
            }
        }
        // For the test that the walker and the schema know the same keys.
        self.collector.note_keys(self.name, &self.keys_read);
    }

    fn unknown_key(&self, key: &str, span: Range<usize>) -> SpanDiagnostic {
        let error = SpanDiagnostic::error(span, format!("unknown key `{key}`"));
        if let Some(near) = nearest_name(key, self.keys_read.iter().copied()) {
            return error
                .with_label("not a key of this table")
                .with_help(format!("did you mean `{near}`?"));
        }
        let known = join_names(self.keys_read.iter().copied());
        let labelled = error.with_label(format!("expected {known}"));
        // A key in the wrong table is the other likely mistake, after a misspelling.
        let other_places = crate::schema::places_of(key);
        if other_places.is_empty() {
            return labelled;
        }
        labelled.with_help(format!("`{key}` belongs in {}", other_places.join(" or ")))
    }
}

impl<'d> TomlValue<'d> {
    /// A table with known keys; `name` is its name in the schema.
    pub(crate) fn read_table(&self, name: &'static str) -> Option<TomlTable<'d>> {
        let Some(table) = self.as_toml().as_table() else {
            self.report_type("a table");
            return None;
        };
        Some(TomlTable::new(name, table, self.span(), self.collector))
    }

    /// The tables of `[[name]]`; `name` is their name in the schema.
    pub(crate) fn read_tables(&self, name: &'static str) -> Vec<TomlTable<'d>> {
        let mut tables = Vec::new();
        // If it is no list, this is reported, and there are no tables to read.
        for member in self.read_list("tables").unwrap_or_default() {
            tables.extend(member.read_table(name));
        }
        tables
    }
}
