//! The collector of all errors and warnings of one file.
//!
//! Deserialisers stop at the first error. The walker goes on after each one, so that a person sees
//! everything at once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Severity};
use crate::line_index::LineIndex;
use crate::span_diagnostic::SpanDiagnostic;

/// The diagnostics of one file, and the keys that the walker read from each kind of table.
#[derive(Default)]
pub(crate) struct DiagnosticCollector<'t> {
    text: &'t str,
    lines: LineIndex,
    found: RefCell<Vec<SpanDiagnostic>>,
    keys: RefCell<BTreeMap<&'static str, BTreeSet<&'static str>>>,
}

impl<'t> DiagnosticCollector<'t> {
    /// A collector for the file with this text.
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, lines: LineIndex::of_text(text), ..Self::default() }
    }

    /// The line of a byte offset, from 1.
    pub(crate) fn line_of(&self, at: usize) -> usize {
        self.lines.line_of(at)
    }

    pub(crate) fn report(&self, diagnostic: SpanDiagnostic) {
        self.found.borrow_mut().push(diagnostic);
    }

    /// Reports syntax errors, and drops the diagnostics that probably follow from them: those in
    /// the same lines, and those about missing keys.
    pub(crate) fn report_syntax_errors(&self, syntax_errors: Vec<SpanDiagnostic>) {
        if syntax_errors.is_empty() {
            return;
        }
        let lines: BTreeSet<usize> =
            syntax_errors.iter().map(|error| self.line_of(error.start())).collect();
        // The recovered tree lacks what the parser skipped, so that a key is missing there that the
        // author did write.
        let mut found = self.found.borrow_mut();
        found.retain(|diagnostic| {
            let is_in_broken_line = lines.contains(&self.line_of(diagnostic.start()));
            !diagnostic.is_of_missing_key() && !is_in_broken_line
        });
        found.extend(syntax_errors);
    }

    /// The number of errors so far.
    pub(crate) fn error_count(&self) -> usize {
        let mut count = 0;
        for diagnostic in self.found.borrow().iter() {
            count += usize::from(diagnostic.is_error());
        }
        count
    }

    /// Errors and warnings, each in the order of the file.
    pub(crate) fn into_diagnostics(self, file: &str) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        let mut found = self.found.into_inner();
        // They were found in the order of the walk. The sort is stable, so that diagnostics at one
        // place stay in that order.
        found.sort_by_key(SpanDiagnostic::start);
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        for diagnostic in found {
            let located = diagnostic.locate(self.text, &self.lines, file);
            match located.severity {
                Severity::Error => errors.push(located),
                Severity::Warning => warnings.push(located),
            }
        }
        (errors, warnings)
    }

    /// Notes the keys that the walker read from a table; `table` is its name in the schema.
    pub(crate) fn note_keys(&self, table: &'static str, keys: &BTreeSet<&'static str>) {
        self.keys.borrow_mut().entry(table).or_default().extend(keys);
    }

    /// The keys that the walker read from each kind of table.
    #[cfg(test)]
    pub(crate) fn noted_keys(&self) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
        self.keys.borrow().clone()
    }
}
