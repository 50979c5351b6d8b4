//! The only search for the end of a header or trailer section.
//!
//! It looks at every byte once, over any number of calls, and checks what httparse does not: lines
//! that end in LF alone, folded lines, empty lines before the start line, size and number of lines.
//! Two parsers that find different ends would make request smuggling possible.

use std::ops::Range;

use memchr::memchr;

use crate::fault::{FaultClass, Malformed};
use crate::limits::{LARGEST_HEAD, LARGEST_TRAILERS, Limits};

/// The rules of a kind of section.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SectionRules {
    /// Bytes of the section, including its end.
    pub(crate) bytes: usize,
    /// Field lines.
    pub(crate) fields: usize,
    /// Empty lines before the start line.
    pub(crate) empty_lines: usize,
    pub(crate) accepts_bare_lf: bool,
    pub(crate) too_large: FaultClass,
    pub(crate) too_many: FaultClass,
}

impl SectionRules {
    /// The rules of the header section of a request.
    pub(crate) fn of_request(limits: &Limits) -> Self {
        Self {
            bytes: limits.head_bytes.min(LARGEST_HEAD),
            fields: limits.fields,
            empty_lines: limits.empty_lines,
            accepts_bare_lf: limits.accepts_bare_lf,
            too_large: FaultClass::HeadTooLarge,
            too_many: FaultClass::TooManyFields,
        }
    }

    /// The rules of the header section of a response.
    pub(crate) fn of_response(limits: &Limits) -> Self {
        Self { empty_lines: 0, ..Self::of_request(limits) }
    }

    /// The rules of a trailer section.
    pub(crate) fn of_trailers(limits: &Limits) -> Self {
        Self {
            bytes: limits.trailer_bytes.min(LARGEST_TRAILERS),
            fields: limits.trailers,
            empty_lines: 0,
            accepts_bare_lf: limits.accepts_bare_lf,
            too_large: FaultClass::TrailersTooLarge,
            too_many: FaultClass::TooManyTrailers,
        }
    }
}

/// The state of a search. Offsets are from the start of the section.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SectionScan {
    /// The number of bytes that were searched.
    scanned: usize,
    line_start: usize,
    empty_lines: usize,
    /// The number of field lines.
    fields: usize,
    has_start_line: bool,
}

/// The result of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// More bytes are needed.
    Partial,
    /// The start line is complete.
    StartLine {
        /// Its range, without its line end.
        line: Range<usize>,
        /// It ends with LF alone, and the rules do not accept that.
        is_bare: bool,
    },
    /// The section is complete.
    Complete {
        /// Its length.
        length: usize,
        /// The number of its field lines.
        fields: usize,
    },
}

impl SectionScan {
    /// A search for the end of a section without a start line.
    pub(crate) fn of_trailers() -> Self {
        Self { has_start_line: true, ..Self::default() }
    }

    /// The part of the start line that has arrived; `None` if it is complete.
    pub(crate) fn unfinished_start_line<'b>(&self, buffer: &'b [u8]) -> Option<&'b [u8]> {
        if self.has_start_line { None } else { buffer.get(self.line_start..) }
    }

    /// Returns true if the start line has ended.
    pub(crate) fn has_start_line(&self) -> bool {
        self.has_start_line
    }

    /// Returns true if no byte was searched.
    pub(crate) fn is_pristine(&self) -> bool {
        self.scanned == 0
    }

    /// The offset of the line that has not ended.
    pub(crate) fn line_start(&self) -> usize {
        self.line_start
    }

    /// Continues the search in `buffer`, which begins with the bytes of earlier calls.
    ///
    /// # Errors
    /// At the first line that breaks a rule.
    pub(crate) fn continue_in(
        &mut self,
        buffer: &[u8],
        rules: &SectionRules,
    ) -> Result<Scanned, Malformed> {
        let window = &buffer[..buffer.len().min(rules.bytes)];
        while let Some(distance) = memchr(b'\n', &window[self.scanned..]) {
            let end = self.scanned + distance;
            self.scanned = end + 1;
            if let Some(found) = self.end_line(window, end, rules)? {
                return Ok(found);
            }
        }
        self.scanned = window.len();
        if buffer.len() >= rules.bytes {
            return Err(Malformed::new(rules.too_large, rules.bytes));
        }
        Ok(Scanned::Partial)
    }

    /// Checks the line whose LF is at `end`.
    fn end_line(
        &mut self,
        window: &[u8],
        end: usize,
        rules: &SectionRules,
    ) -> Result<Option<Scanned>, Malformed> {
        let start = self.line_start;
        self.line_start = end + 1;
        let raw = &window[start..end];
        let line = raw.strip_suffix(b"\r").unwrap_or(raw);
        // RFC 9112 §2.2: "a recipient MAY recognize a single LF as a line terminator".
        let is_bare = line.len() == raw.len() && !rules.accepts_bare_lf;
        if !self.has_start_line && !line.is_empty() {
            self.has_start_line = true;
            let line = start..start + line.len();
            return Ok(Some(Scanned::StartLine { line, is_bare }));
        }
        if is_bare {
            return Err(Malformed::new(FaultClass::BareLf, end));
        }
        match (self.has_start_line, line.first()) {
            (true, Some(first)) => self.count_field(*first, start, rules),
            (true, None) => Ok(Some(Scanned::Complete { length: end + 1, fields: self.fields })),
            (false, _) => self.count_empty_line(start, rules),
        }
    }

    fn count_field(
        &mut self,
        first: u8,
        start: usize,
        rules: &SectionRules,
    ) -> Result<Option<Scanned>, Malformed> {
        if matches!(first, b' ' | b'\t') {
            // RFC 9112 §2.2 (before the first field) and §5.2 (after another): a server MUST
            // reject the message; a gateway MUST discard a response, or unfold it in a copy.
            let class = match self.fields {
                0 => FaultClass::LeadingSpace,
                _ => FaultClass::LineFolding,
            };
            return Err(Malformed::new(class, start));
        }
        self.fields += 1;
        if self.fields > rules.fields {
            return Err(Malformed::new(rules.too_many, start));
        }
        Ok(None)
    }

    fn count_empty_line(
        &mut self,
        start: usize,
        rules: &SectionRules,
    ) -> Result<Option<Scanned>, Malformed> {
        // RFC 9112 §2.2: "a server […] SHOULD ignore at least one empty line (CRLF) received prior
        // to the request-line."
        self.empty_lines += 1;
        if self.empty_lines > rules.empty_lines {
            return Err(Malformed::new(FaultClass::EmptyLines, start));
        }
        Ok(None)
    }
}
