//! HAProxy's `httplog`, `httplog clf` and `httpslog`.
//!
//! `ip:port [accept] frontend backend/server timers status bytes … {request captures} {response
//! captures} "request line"`, and in `httpslog` `errors sni/TLSv1.3/cipher` after that. With `clf`:
//! `ip - - [time] "request line" status bytes "" "" … "frontend" "backend" "server" … "cookie"
//! "cookie"`, and then each capture in quotes.

use std::borrow::Cow;

use upshift_core::TlsState;

use super::clock::{Clock, TimeFormat};
use super::escape::Escaping;
use super::nginx::field_slot;
use super::slot::{LineParts, Slot, parse_status};
use crate::line::{LineKind, LogLine, Logged, Malformed, NotRequest, Text, WantedFields};

/// The format, with the names of the captured request fields.
#[derive(Clone, Debug)]
pub(crate) struct Haproxy {
    captures: Vec<Slot>,
}

impl Haproxy {
    /// `names` are those of the captured request fields, in their order, with `|` between them.
    pub(super) fn new(names: &str, wanted: &WantedFields) -> Self {
        let mut captures = Vec::new();
        for name in names.split('|').filter(|name| !name.is_empty()) {
            let is_host = name.trim().eq_ignore_ascii_case("host");
            captures.push(if is_host { Slot::Host } else { field_slot(name.trim(), wanted) });
        }
        Self { captures }
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
        let open = find_time(text).ok_or(Malformed::Shape)?;
        let close = open + memchr::memchr(b']', &text[open..]).ok_or(Malformed::Shape)?;
        let time = clock.read(TimeFormat::Clf, &text[open..=close]);
        line.time = Some(time.ok_or(Malformed::Time)?);
        let head = text[..open].trim_ascii_end();
        let rest = text[close + 1..].trim_ascii_start();
        let (head, is_clf) = match head.strip_suffix(b" - -") {
            Some(head) => (head, true),
            None => (head, false),
        };
        // There may be a prefix of syslog before the address.
        let begin = memchr::memrchr(b' ', head).map_or(0, |space| space + 1);
        line.peer = Logged::Recorded(Cow::Borrowed(&head[begin..]));
        if is_clf {
            return self.parse_clf(rest, line, clock);
        }
        let (frontend, rest) = split_word(rest);
        if frontend.ends_with(b":") {
            return Ok(LineKind::NotRequest(NotRequest::ServerMessage));
        }
        line.tls = tls_of_frontend(frontend);
        // `backend/server` and the five timers.
        let (backend, rest) = split_word(rest);
        let (timers, rest) = split_word(rest);
        if !backend.contains(&b'/') || memchr::memchr_iter(b'/', timers).count() < 2 {
            return Err(Malformed::Shape);
        }
        let (status, rest) = split_word(rest);
        line.status = parse_status(status)?;
        self.read_request(rest, line, clock)
    }

    /// Reads what follows the time with `clf`. Quotes in values are escaped.
    fn parse_clf<'l>(
        &self,
        rest: &'l [u8],
        line: &mut LogLine<'l>,
        clock: &mut Clock,
    ) -> Result<LineKind, Malformed> {
        let mut pieces = rest.split(|byte| *byte == b'"');
        // `between` has the texts outside of quotes. The first one is empty.
        let mut quoted = Vec::new();
        let mut between = Vec::new();
        while let Some(outside) = pieces.next() {
            between.push(outside.trim_ascii());
            quoted.extend(pieces.next());
        }
        let [request, b"", b"", frontend, _backend, _server, _, _, captures @ ..] =
            quoted.as_slice()
        else {
            return Err(Malformed::Shape);
        };
        let status = between[1].split(|byte| *byte == b' ').next().unwrap_or_default();
        line.status = parse_status(status)?;
        line.tls = tls_of_frontend(frontend);
        let mut parts = LineParts::default();
        for (slot, value) in self.captures.iter().zip(captures) {
            parts.fill(*slot, captured(value), line, clock)?;
        }
        parts.fill(Slot::Request, Some(Escaping::Haproxy.unescape(request)), line, clock)?;
        parts.finish(line, clock)
    }

    fn read_request<'l>(
        &self,
        rest: &'l [u8],
        line: &mut LogLine<'l>,
        clock: &mut Clock,
    ) -> Result<LineKind, Malformed> {
        // In captures, quotes and braces are escaped.
        let open = memchr::memchr(b'"', rest).ok_or(Malformed::Shape)?;
        let close = memchr::memrchr(b'"', rest).filter(|close| *close > open);
        let close = close.ok_or(Malformed::Shape)?;
        let mut parts = LineParts::default();
        self.read_captures(&rest[..open], &mut parts, line, clock)?;
        let request = Escaping::Haproxy.unescape(&rest[open + 1..close]);
        parts.fill(Slot::Request, Some(request), line, clock)?;
        if let Some(version) = tls_version(&rest[close + 1..]) {
            parts.fill(Slot::Tls, Some(Cow::Borrowed(version)), line, clock)?;
        }
        parts.finish(line, clock)
    }

    fn read_captures<'l>(
        &self,
        text: &'l [u8],
        parts: &mut LineParts<'l>,
        line: &mut LogLine<'l>,
        clock: &mut Clock,
    ) -> Result<(), Malformed> {
        let Some(open) = memchr::memchr(b'{', text) else { return Ok(()) };
        let close = open + memchr::memchr(b'}', &text[open..]).ok_or(Malformed::Shape)?;
        let values = text[open + 1..close].split(|byte| *byte == b'|');
        for (slot, value) in self.captures.iter().zip(values) {
            parts.fill(*slot, captured(value), line, clock)?;
        }
        Ok(())
    }
}

/// The value of a capture. An absent field is empty.
fn captured(value: &[u8]) -> Option<Text<'_>> {
    if value.is_empty() { None } else { Some(Escaping::Haproxy.unescape(value)) }
}

/// A tilde after the name of a frontend marks TLS.
fn tls_of_frontend(frontend: &[u8]) -> Logged<TlsState> {
    let is_tls = frontend.ends_with(b"~");
    Logged::Recorded(if is_tls { TlsState::SomeVersion } else { TlsState::Cleartext })
}

/// The bracket that opens a time: `[25/Nov/2026:12:20:51.218]`.
fn find_time(text: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'[', text)
        .find(|open| matches!(text.get(open + 1..open + 4), Some([b'0'..=b'9', b'0'..=b'9', b'/'])))
}

fn split_word(text: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b' ', text) {
        Some(end) => (&text[..end], text[end + 1..].trim_ascii_start()),
        None => (text, b""),
    }
}

/// The version in `0/0/0/0/0 api.example/TLSv1.3/TLS_AES_128_GCM_SHA256`.
fn tls_version(suffix: &[u8]) -> Option<&[u8]> {
    let last = suffix.trim_ascii().rsplit(|byte| *byte == b' ').next()?;
    last.split(|byte| *byte == b'/')
        .find(|part| part.starts_with(b"TLSv") || part.starts_with(b"SSLv"))
}
