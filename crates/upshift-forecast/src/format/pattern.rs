//! Formats that are a pattern of literal text and captures.

use memchr::memmem;

use super::clock::Clock;
use super::cut::{LineCut, first_line};
use super::escape::Escaping;
use super::slot::{LineParts, Slot, has_request};
use crate::line::{FieldSet, LineKind, LogLine, Logged, Malformed, Text};

/// A line as literals and captures.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// The literal text before the first capture.
    pub(super) prefix: Box<[u8]>,
    pub(super) captures: Vec<Capture>,
    pub(super) escaping: Escaping,
    /// The text that stands for a value that the request did not have.
    pub(super) absent: Absence,
    /// Bytes that the writer does not escape and a line must have, and how often. With more, no
    /// field can be believed.
    pub(super) delimiters: Vec<(u8, usize)>,
    /// True if there may be more after the last capture.
    pub(super) is_open: bool,
}

/// A capture, and the literal that ends it.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    pub(super) slot: Slot,
    /// Empty for the last one: it reaches to the end of the line.
    pub(super) end: Box<[u8]>,
}

/// The text that a writer puts where there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// `-`.
    Dash,
    /// Nothing.
    Empty,
}

impl Pattern {
    /// Cuts the first line of a text; `None` if the line must be read.
    pub(crate) fn cut<'l>(
        &self,
        text: &'l [u8],
        cut: &mut LineCut<'l>,
        clock: &mut Clock,
    ) -> Option<()> {
        let (line, length) = first_line(text)?;
        let mut rest = line.strip_prefix(&*self.prefix)?;
        for capture in &self.captures {
            let end = self.capture_length(capture, rest)?;
            cut.push_slot(capture.slot, &rest[..end], clock)?;
            rest = &rest[end + capture.end.len()..];
        }
        cut.length = length;
        let is_whole = rest.is_empty() || self.is_open;
        if is_whole && !self.is_ambiguous(line) { Some(()) } else { None }
    }

    /// Reads a line.
    ///
    /// # Errors
    /// If the line does not have this form.
    pub(crate) fn parse<'l>(
        &'l self,
        text: &'l [u8],
        line: &mut LogLine<'l>,
        clock: &mut Clock,
    ) -> Result<LineKind, Malformed> {
        let mut rest = text.strip_prefix(&*self.prefix).ok_or(Malformed::Shape)?;
        let mut parts = LineParts::default();
        for capture in &self.captures {
            let length = self.capture_length(capture, rest).ok_or(Malformed::Shape)?;
            let value = self.read_value(&rest[..length]);
            rest = &rest[length + capture.end.len()..];
            parts.fill(capture.slot, value, line, clock)?;
        }
        if !rest.is_empty() && !self.is_open {
            return Err(Malformed::Shape);
        }
        if self.is_ambiguous(text) {
            line.is_ambiguous = true;
            line.fields.clear();
            line.recorded = FieldSet::default();
            line.host = Logged::NotRecorded;
        }
        parts.finish(line, clock)
    }

    fn is_ambiguous(&self, text: &[u8]) -> bool {
        for (delimiter, expected) in &self.delimiters {
            if memchr::memchr_iter(*delimiter, text).count() != *expected {
                return true;
            }
        }
        false
    }

    fn capture_length(&self, capture: &Capture, rest: &[u8]) -> Option<usize> {
        if capture.end.is_empty() {
            return Some(rest.len());
        }
        let is_quote_escaped = matches!(self.escaping, Escaping::Apache | Escaping::Json);
        if !is_quote_escaped || capture.end.first() != Some(&b'"') {
            return memmem::find(rest, &capture.end);
        }
        for start in memmem::find_iter(rest, &*capture.end) {
            // A quote closes only after an even number of backslashes.
            let backslashes = rest[..start].iter().rev().take_while(|byte| **byte == b'\\');
            if backslashes.count() % 2 == 0 {
                return Some(start);
            }
        }
        None
    }

    fn read_value<'l>(&self, text: &'l [u8]) -> Option<Text<'l>> {
        match (self.absent, text) {
            (Absence::Dash, b"-") | (Absence::Empty, b"") => None,
            _ => Some(self.escaping.unescape(text)),
        }
    }
}

/// The delimiters that the literals of a pattern consist of, and how often each occurs in them.
fn count_delimiters(unescaped: &[u8], prefix: &[u8], captures: &[Capture]) -> Vec<(u8, usize)> {
    let mut counts = Vec::new();
    // Other bytes are in too many values.
    for delimiter in unescaped {
        let mut count = memchr::memchr_iter(*delimiter, prefix).count();
        for capture in captures {
            count += memchr::memchr_iter(*delimiter, &capture.end).count();
        }
        if count > 0 {
            counts.push((*delimiter, count));
        }
    }
    counts
}

/// Builds a pattern from its parts in turn.
#[derive(Debug)]
pub(super) struct PatternBuilder {
    prefix: Vec<u8>,
    captures: Vec<Capture>,
}

impl PatternBuilder {
    pub(super) fn new() -> Self {
        Self { prefix: Vec::new(), captures: Vec::new() }
    }

    pub(super) fn push_literal(&mut self, text: &[u8]) {
        match self.captures.last_mut() {
            Some(capture) => {
                let mut end = std::mem::take(&mut capture.end).into_vec();
                end.extend_from_slice(text);
                capture.end = end.into();
            }
            None => self.prefix.extend_from_slice(text),
        }
    }

    /// Adds a capture; false if nothing separates it from the one before.
    #[must_use]
    pub(super) fn push_capture(&mut self, slot: Slot) -> bool {
        if self.captures.last().is_some_and(|capture| capture.end.is_empty()) {
            return false;
        }
        self.captures.push(Capture { slot, end: Box::default() });
        true
    }

    /// Returns true if a line of the pattern has a request.
    pub(super) fn has_request(&self) -> bool {
        let slots: Vec<Slot> = self.captures.iter().map(|capture| capture.slot).collect();
        has_request(&slots)
    }

    pub(super) fn build(self, escaping: Escaping, absent: Absence) -> Pattern {
        // Most writers escape quotes and tabs. None of them escapes a bar.
        let unescaped: &[u8] = match escaping {
            Escaping::Raw => b"\"|\t",
            _ => b"|",
        };
        let delimiters = count_delimiters(unescaped, &self.prefix, &self.captures);
        Pattern {
            prefix: self.prefix.into(),
            captures: self.captures,
            escaping,
            absent,
            delimiters,
            is_open: false,
        }
    }
}
