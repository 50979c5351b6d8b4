//! The file as a tree whose every part knows its place, and the collector of what is wrong with it.
//!
//! Deserialisers stop at the first error. Here each read reports its own and answers `None`, so
//! that the walk goes on and a person sees everything at once. A [`Section`] remembers which of its
//! keys were asked for; what nobody asked for is unknown, and is reported when the section is
//! closed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Finding, Severity};
use crate::spelling::{listed, nearest};

/// What was found, and which keys each kind of section has.
#[derive(Default)]
pub(crate) struct Collector<'t> {
    text: &'t str,
    found: RefCell<Vec<Finding>>,
    keys: RefCell<BTreeMap<&'static str, BTreeSet<&'static str>>>,
}

impl<'t> Collector<'t> {
    /// Of the text of a file.
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, ..Self::default() }
    }

    /// The line of a place, from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.text.get(..at).unwrap_or_default().matches('\n').count() + 1
    }

    pub(crate) fn report(&self, finding: Finding) {
        self.found.borrow_mut().push(finding);
    }

    /// Reports what is no TOML, and takes back what was only found because of it: other errors in
    /// the same lines, and what is missing.
    pub(crate) fn report_syntax(&self, syntax: Vec<Finding>) {
        if syntax.is_empty() {
            return;
        }
        let lines: Vec<usize> = syntax.iter().map(|finding| self.line(finding.start())).collect();
        let mut found = self.found.borrow_mut();
        found.retain(|finding| {
            !finding.is_of_something_missing() && !lines.contains(&self.line(finding.start()))
        });
        found.extend(syntax);
    }

    /// How many errors were found so far.
    pub(crate) fn errors(&self) -> usize {
        self.found.borrow().iter().filter(|finding| finding.is_error()).count()
    }

    /// Everything found, in the order of the file: errors, then warnings.
    pub(crate) fn diagnostics(&self, file: &str) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        let mut found = self.found.take();
        found.sort_by_key(Finding::start);
        let placed = found.into_iter().map(|finding| finding.place(file, self.text));
        placed.partition(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The keys that each kind of section was asked for, by its name in the schema.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
        self.keys.borrow().clone()
    }
}

/// One value and its place.
#[derive(Clone)]
pub(crate) struct Item<'d> {
    value: &'d DeValue<'d>,
    span: Range<usize>,
    pub(crate) out: &'d Collector<'d>,
}

/// A table whose keys are known beforehand.
pub(crate) struct Section<'d> {
    name: &'static str,
    table: &'d DeTable<'d>,
    span: Range<usize>,
    asked: BTreeSet<&'static str>,
    pub(crate) out: &'d Collector<'d>,
}

impl<'d> Section<'d> {
    /// The whole file.
    pub(crate) fn root(table: &'d Spanned<DeTable<'d>>, out: &'d Collector<'d>) -> Self {
        Self { name: "File", table: table.get_ref(), span: 0..0, asked: BTreeSet::new(), out }
    }

    /// The value of `key`, if it is there.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<Item<'d>> {
        self.asked.insert(key);
        self.value(key)
    }

    /// The value of `key`, which has to be there; `why` says what for.
    pub(crate) fn required(&mut self, key: &'static str, why: &str) -> Option<Item<'d>> {
        let found = self.get(key);
        if found.is_none() {
            self.out.report(
                Finding::missing(self.span(), format!("`{key}` is missing"))
                    .label(format!("`{key}` belongs here: {why}")),
            );
        }
        found
    }

    /// Tells whether `key` is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The value of `key`, without asking for it.
    pub(crate) fn value(&self, key: &str) -> Option<Item<'d>> {
        let value = self.table.get(key)?;
        Some(Item { value: value.get_ref(), span: value.span(), out: self.out })
    }

    /// The string at `key`, if there is one.
    pub(crate) fn peek(&self, key: &str) -> Option<&'d str> {
        self.table.get(key)?.get_ref().as_str()
    }

    /// The place of the value of `key`, or of the section if it has no such key.
    pub(crate) fn value_span(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or_else(|| self.span(), Spanned::span)
    }

    /// The place of the key itself, or of the section if it has no such key.
    pub(crate) fn key_span(&self, key: &str) -> Range<usize> {
        self.table.get_key_value(key).map_or_else(|| self.span(), |(key, _)| key.span())
    }

    /// The place of the section: its header or its braces.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Tells whether there is a key that was not asked for.
    pub(crate) fn has_unknown(&self) -> bool {
        self.table.keys().any(|key| !self.asked.contains(key.get_ref().as_ref()))
    }

    /// Reports the keys that nobody asked for.
    pub(crate) fn close(&self) {
        for key in self.table.keys().filter(|key| !self.asked.contains(key.get_ref().as_ref())) {
            self.out.report(self.unknown(key.get_ref(), key.span()));
        }
        self.out.keys.borrow_mut().entry(self.name).or_default().extend(&self.asked);
    }

    fn unknown(&self, key: &str, span: Range<usize>) -> Finding {
        let finding = Finding::error(span, format!("unknown key `{key}`"));
        if let Some(near) = nearest(key, self.asked.iter().copied()) {
            return finding.label("no such key here").help(format!("did you mean `{near}`?"));
        }
        let elsewhere = crate::schema::places_of(key);
        let finding =
            finding.label(format!("the keys here are {}", listed(self.asked.iter().copied())));
        if elsewhere.is_empty() {
            finding
        } else {
            finding.help(format!("`{key}` belongs in {}", elsewhere.join(" or ")))
        }
    }
}

impl<'d> Item<'d> {
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    pub(crate) fn value(&self) -> &'d DeValue<'d> {
        self.value
    }

    /// Reports that this value is wrong.
    pub(crate) fn wrong(&self, message: impl Into<String>, label: impl Into<String>) {
        self.report(self.error(message).label(label));
    }

    /// An error at this value, to be completed and reported.
    pub(crate) fn error(&self, message: impl Into<String>) -> Finding {
        Finding::error(self.span(), message)
    }

    pub(crate) fn report(&self, finding: Finding) {
        self.out.report(finding);
    }

    /// Reports that `expected` was expected, and gives nothing.
    pub(crate) fn unexpected<T>(&self, expected: &str) -> Option<T> {
        let finding = self.error(format!("expected {expected}, found {}", self.kind()));
        let quoted =
            matches!(self.value, DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_));
        let finding = match expected.starts_with("a string") && quoted {
            true => finding.label("put it in quotes"),
            false => finding,
        };
        self.report(finding);
        None
    }

    /// What a person calls this kind of value.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number",
            DeValue::Boolean(true) => "`true`",
            DeValue::Boolean(false) => "`false`",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }

    pub(crate) fn is_list(&self) -> bool {
        self.value.is_array()
    }

    pub(crate) fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// A string; `expected` says of what kind: "a string such as …".
    pub(crate) fn string(&self, expected: &str) -> Option<&'d str> {
        self.value.as_str().or_else(|| self.unexpected(expected))
    }

    /// A string that is not blank.
    pub(crate) fn text(&self) -> Option<&'d str> {
        let text = self.string("a string")?;
        if text.trim().is_empty() {
            self.wrong("this text is empty", "write something, or leave the key out");
            return None;
        }
        Some(text)
    }

    /// A string that `read` understands; its error is the label beside the mark.
    pub(crate) fn parsed<T>(
        &self,
        expected: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.string(expected)?;
        read(text).map_err(|label| self.wrong(format!("`{text}` is not {expected}"), label)).ok()
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(&self, what: &str, words: &[(&'static str, T)]) -> Option<T> {
        let names = || words.iter().map(|(name, _)| *name);
        let given = self.string(&format!("a string, {}", listed(names())))?;
        if let Some((_, meaning)) = words.iter().find(|(name, _)| *name == given) {
            return Some(*meaning);
        }
        let mut finding = self
            .error(format!("unknown {what} `{given}`"))
            .label(format!("expected {}", listed(names())));
        if let Some(near) = nearest(given, names()) {
            finding = finding.help(format!("did you mean `{near}`?"));
        }
        self.report(finding);
        None
    }

    /// `true` or `false`.
    pub(crate) fn bool(&self) -> Option<bool> {
        self.value.as_bool().or_else(|| self.unexpected("`true` or `false`"))
    }

    /// A whole number within `range`.
    pub(crate) fn integer(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let expected = match range.end() {
            &u64::MAX => format!("a whole number of at least {}", range.start()),
            end if end == range.start() => format!("{end}, the only one"),
            end => format!("a whole number from {} to {end}", range.start()),
        };
        let Some(integer) = self.value.as_integer() else { return self.unexpected(&expected) };
        match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                self.wrong(format!("{integer} is out of range"), format!("expected {expected}"));
                None
            }
        }
    }

    /// A share: a number from 0 to 1.
    pub(crate) fn share(&self) -> Option<f64> {
        const EXPECTED: &str = "a share from 0 to 1, such as 0.05";
        let text = match self.value {
            DeValue::Float(number) => number.as_str(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            _ => return self.unexpected(EXPECTED),
        };
        match text.parse() {
            Ok(share) if (0.0..=1.0).contains(&share) => Some(share),
            _ => {
                self.wrong(format!("{text} is not a share"), format!("expected {EXPECTED}"));
                None
            }
        }
    }

    /// The members of a list.
    pub(crate) fn list(&self, of: &str) -> Option<Vec<Item<'d>>> {
        let Some(list) = self.value.as_array() else {
            return self.unexpected(&format!("a list of {of}"));
        };
        Some(list.iter().map(|value| self.part(value)).collect())
    }

    /// The members of a list, or the one thing that stands in its place.
    pub(crate) fn one_or_more(&self) -> Vec<Item<'d>> {
        match self.value.as_array() {
            Some(list) => list.iter().map(|value| self.part(value)).collect(),
            None => vec![self.clone()],
        }
    }

    /// The tables of `[[name]]`, each a section; reports what is none.
    pub(crate) fn sections(&self, name: &'static str) -> Vec<Section<'d>> {
        let items = self.list("tables").unwrap_or_default();
        items.iter().filter_map(|item| item.section(name)).collect()
    }

    /// A table with known keys; `name` is what the schema calls it.
    pub(crate) fn section(&self, name: &'static str) -> Option<Section<'d>> {
        let Some(table) = self.value.as_table() else { return self.unexpected("a table") };
        Some(Section { name, table, span: self.span(), asked: BTreeSet::new(), out: self.out })
    }

    /// The entries of a table with free keys, in the order of the file.
    pub(crate) fn entries(&self, of: &str) -> Option<Vec<(Spanned<&'d str>, Item<'d>)>> {
        let Some(table) = self.value.as_table() else { return self.unexpected(of) };
        let mut entries: Vec<_> = table
            .iter()
            .map(|(key, value)| {
                (Spanned::new(key.span(), key.get_ref().as_ref()), self.part(value))
            })
            .collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        Some(entries)
    }

    fn part(&self, value: &'d Spanned<DeValue<'d>>) -> Item<'d> {
        Item { value: value.get_ref(), span: value.span(), out: self.out }
    }
}
