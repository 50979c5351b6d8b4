//! The Common and Combined formats, which most logs have, and what is built on them.
//!
//! A line with the usual number of quotes is cut at their positions. In any other line, escaped
//! quotes are skipped. If the number is still not the usual one, the fields of the line are not
//! used.

use std::borrow::Cow;

use super::clock::Clock;
use super::cut::LineCut;
use super::escape::Escaping;
use super::slot::parse_status;
use crate::address::{first_address, parse_address};
use crate::line::{
    FieldIndex, LineKind, LogLine, Logged, Malformed, Text, WantedFields, read_request_line,
};
use crate::short_scan::first_word;

/// The most quotes whose positions are kept.
const MOST_QUOTES: usize = 10;

/// The length of `[25/Nov/2026:12:20:51 +0000] `, which stands before the request.
const TIME_LENGTH: usize = 29;

/// A member of the family.
#[derive(Clone, Debug)]
pub(crate) struct Combined {
    /// True if the virtual host and its port come first.
    has_host: bool,
    /// The fields that follow the request in quotes, in their order.
    fields: Vec<Option<FieldIndex>>,
    /// The number of quotes in a line.
    quotes: usize,
    /// True if more quotes mean more fields, and not that one of them was not escaped.
    is_open: bool,
}

/// The positions of the quotes of one line.
#[derive(Debug, Default)]
struct Quotes {
    positions: [usize; MOST_QUOTES],
    /// Their number, also where it is above [`MOST_QUOTES`].
    count: usize,
    /// True if the line has a backslash.
    has_escape: bool,
}

impl Combined {
    /// `%h %l %u %t "%r" %>s %b`.
    pub(crate) fn common() -> Self {
        Self { has_host: false, fields: Vec::new(), quotes: 2, is_open: true }
    }

    /// Common, with these fields in quotes after it.
    pub(crate) fn with_fields(names: &[&str], wanted: &WantedFields) -> Self {
        let mut fields = Vec::new();
        for name in names {
            fields.push(wanted.index_of(name));
        }
        let quotes = 2 + 2 * fields.len();
        Self { has_host: false, fields, quotes, is_open: false }
    }

    /// The same with the virtual host and its port in front.
    pub(crate) fn after_host(mut self) -> Self {
        self.has_host = true;
        self
    }

    /// The same with further quoted texts that no policy reads.
    pub(crate) fn with_other_quotes(mut self, quotes: usize) -> Self {
        self.quotes += quotes;
        self
    }

    /// Cuts the first line of a text; `None` if it is not in the usual form.
    pub(crate) fn cut<'l>(
        &self,
        text: &'l [u8],
        cut: &mut LineCut<'l>,
        clock: &mut Clock,
    ) -> Option<()> {
        let mut head = text;
        if self.has_host {
            let host = first_word(head)?;
            cut.push_text(host);
            head = &head[host.len() + 1..];
        }
        let (peer, length) = first_address(head)?;
        cut.peer = Some(peer);
        let after_peer = text.len() - head.len() + length;
        let open = request_quote(text, after_peer)?;
        cut.time = Some(clock.read_clf(time_before(text, open).ok()?)?);
        let close = next_quote(text, open + 1)?;
        cut.push_text(&text[open + 1..close]);
        cut.status = read_status(&text[close + 1..]).ok()?;
        let end = self.cut_fields(text, close + 1, cut)?;
        cut.length = line_end(text, end)? + 1;
        Some(())
    }

    /// Cuts the quoted texts after the request, and returns the end of the last one.
    fn cut_fields<'l>(&self, text: &'l [u8], begin: usize, cut: &mut LineCut<'l>) -> Option<usize> {
        let mut at = begin;
        for place in 0..self.quotes / 2 - 1 {
            // Most of the time, the next text begins after a space, and is a dash.
            let open = if text[at..].starts_with(b" \"") { at + 1 } else { next_quote(text, at)? };
            let close = match text.get(open + 1..open + 3)? {
                b"-\"" => open + 2,
                _ => next_quote(text, open + 1)?,
            };
            if let Some(Some(_)) = self.fields.get(place) {
                cut.push_text(&text[open + 1..close]);
            }
            at = close + 1;
        }
        Some(at)
    }

    /// Reads a line.
    ///
    /// # Errors
    /// If the line does not have this form.
    pub(crate) fn parse<'l>(
        &self,
        text: &'l [u8],
        line: &mut LogLine<'l>,
        clock: &mut Clock,
    ) -> Result<LineKind, Malformed> {
        let quotes = Quotes::all_in(text);
        if quotes.count == self.quotes {
            return self.parse_at(text, &quotes, true, line, clock);
        }
        let real = Quotes::unescaped_in(text);
        let is_sure = real.count == self.quotes || (self.is_open && real.count > self.quotes);
        self.parse_at(text, &real, is_sure, line, clock)
    }

    fn parse_at<'l>(
        &self,
        text: &'l [u8],
        quotes: &Quotes,
        is_sure: bool,
        line: &mut LogLine<'l>,
        clock: &mut Clock,
    ) -> Result<LineKind, Malformed> {
        let [open, close] = quotes.pair(0).ok_or(Malformed::Shape)?;
        let time = time_before(text, open)?;
        line.time = Some(clock.read_clf(time).ok_or(Malformed::Time)?);
        self.read_peer(&text[..open - TIME_LENGTH], line)?;
        line.status = read_status(&text[close + 1..])?;
        line.is_ambiguous = !is_sure;
        if is_sure {
            self.read_fields(text, quotes, line);
        }
        read_request_line(quotes.unescape(&text[open + 1..close]), line)
    }

    /// Reads the first words of a line. User names may contain spaces, but they come last.
    fn read_peer<'l>(&self, head: &'l [u8], line: &mut LogLine<'l>) -> Result<(), Malformed> {
        let mut rest = head;
        if self.has_host {
            let end = memchr::memchr(b' ', rest).ok_or(Malformed::Shape)?;
            line.host = logged(&rest[..end]);
            rest = &rest[end + 1..];
        }
        // Addresses are short: a loop is faster than a search.
        let end = rest.iter().position(|byte| *byte == b' ').ok_or(Malformed::Shape)?;
        let peer = &rest[..end];
        // Without a host in front, this is `-`, or a part of a user name.
        if self.has_host && parse_address(peer).is_none() {
            return Err(Malformed::Shape);
        }
        line.peer = logged(peer);
        Ok(())
    }

    fn read_fields<'l>(&self, text: &'l [u8], quotes: &Quotes, line: &mut LogLine<'l>) {
        for (place, field) in self.fields.iter().enumerate() {
            let (Some(field), Some([open, close])) = (field, quotes.pair(place + 1)) else {
                continue;
            };
            line.recorded.insert(*field);
            let value = &text[open + 1..close];
            if value != b"-" {
                line.fields.push((*field, quotes.unescape(value)));
            }
        }
    }
}

impl Quotes {
    /// All quotes, also those that may be escaped.
    fn all_in(text: &[u8]) -> Self {
        let mut quotes = Self::default();
        for position in memchr::memchr2_iter(b'"', b'\\', text) {
            match text[position] {
                b'"' => quotes.push(position),
                _ => quotes.has_escape = true,
            }
        }
        quotes
    }

    /// Adds the position of the next quote.
    fn push(&mut self, position: usize) {
        if let Some(place) = self.positions.get_mut(self.count) {
            *place = position;
        }
        self.count += 1;
    }

    /// A value without its escapes.
    fn unescape<'l>(&self, text: &'l [u8]) -> Text<'l> {
        if self.has_escape { Escaping::Apache.unescape(text) } else { Cow::Borrowed(text) }
    }

    /// The quotes that are not escaped.
    fn unescaped_in(text: &[u8]) -> Self {
        let mut quotes = Self { has_escape: true, ..Self::default() };
        for position in memchr::memchr_iter(b'"', text) {
            // A quote closes only after an even number of backslashes.
            let backslashes = text[..position].iter().rev().take_while(|byte| **byte == b'\\');
            if backslashes.count() % 2 == 0 {
                quotes.push(position);
            }
        }
        quotes
    }

    /// The quotes around the quoted text of this number.
    fn pair(&self, number: usize) -> Option<[usize; 2]> {
        if self.count < 2 * number + 2 {
            return None;
        }
        Some([*self.positions.get(2 * number)?, *self.positions.get(2 * number + 1)?])
    }
}

/// The position of the first quote from `from` on, in the same line.
#[inline]
fn next_quote(text: &[u8], from: usize) -> Option<usize> {
    let at = from + memchr::memchr2(b'"', b'\n', text.get(from..)?)?;
    if text[at] == b'"' { Some(at) } else { None }
}

/// The newline from `from` on; `None` if a quote comes before it. Most lines end with a quote.
#[inline]
fn line_end(text: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let at = match rest.first()? {
        b'\n' => 0,
        _ => memchr::memchr2(b'"', b'\n', rest)?,
    };
    if rest[at] == b'\n' { Some(from + at) } else { None }
}

/// The quote that opens the request. Most lines have no names of users between it and the address.
#[inline]
fn request_quote(text: &[u8], after_peer: usize) -> Option<usize> {
    const NO_USER: &[u8] = b" - - [";
    let usual = after_peer + NO_USER.len() - 1 + TIME_LENGTH;
    if text.get(usual) == Some(&b'"') && text[after_peer..].starts_with(NO_USER) {
        return Some(usual);
    }
    next_quote(text, after_peer)
}

/// The time before the quote that opens the request, without its brackets.
#[inline]
fn time_before(text: &[u8], open: usize) -> Result<&[u8], Malformed> {
    let begin = open.checked_sub(TIME_LENGTH).ok_or(Malformed::Shape)?;
    match &text[begin..open] {
        [b'[', time @ .., b']', b' '] => Ok(time),
        _ => Err(Malformed::Time),
    }
}

fn logged(text: &[u8]) -> Logged<Text<'_>> {
    if text == b"-" { Logged::Absent } else { Logged::Recorded(Cow::Borrowed(text)) }
}

/// Reads the status after the request: ` 200 12`.
#[inline]
fn read_status(text: &[u8]) -> Result<Option<u16>, Malformed> {
    let [b' ', rest @ ..] = text else { return Err(Malformed::Shape) };
    // Nearly all of them have three digits.
    if let [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b' ', ..] = rest {
        return parse_status(&rest[..3]);
    }
    let end = rest.iter().position(|byte| *byte == b' ');
    parse_status(&rest[..end.unwrap_or(rest.len())])
}
