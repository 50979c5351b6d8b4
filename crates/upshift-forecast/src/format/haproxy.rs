//! HAProxy's `httplog` and `httpslog`.
//!
//! `ip:port [accept] frontend backend/server timers status bytes … {request captures} {response
//! captures} "request line"`, and in `httpslog` `errors sni/TLSv1.3/cipher` after that.

use std::borrow::Cow;

use upshift_core::TlsState;

use super::clock::{Clock, TimeFormat};
use super::escape::Escaping;
use super::nginx::field_slot;
use super::slot::{LineParts, Slot, parse_status};
use crate::line::{LineKind, LogLine, Logged, Malformed, NotRequest, WantedFields};

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
        // There may be a prefix of syslog before the address.
        let head = text[..open].trim_ascii_end();
        let begin = memchr::memrchr(b' ', head).map_or(0, |space| space + 1);
        line.peer = Logged::Recorded(Cow::Borrowed(&head[begin..]));
        let rest = text[close + 1..].trim_ascii_start();
        let (frontend, rest) = split_word(rest);
        if frontend.ends_with(b":") {
            return Ok(LineKind::NotRequest(NotRequest::ServerMessage));
        }
        let is_tls = frontend.ends_with(b"~");
        line.tls =
            Logged::Recorded(if is_tls { TlsState::SomeVersion } else { TlsState::Cleartext });
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
            let value =
                if value.is_empty() { None } else { Some(Escaping::Haproxy.unescape(value)) };
            parts.fill(*slot, value, line, clock)?;
        }
        Ok(())
    }
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
