//! Formats whose lines are words in a fixed order, some of them in quotes: AWS ALB.

use std::borrow::Cow;

use super::clock::{Clock, TimeFormat};
use super::escape::Escaping;
use super::nginx::field_slot;
use super::slot::{LineParts, Slot};
use crate::line::{LineKind, LogLine, Malformed, NotRequest, WantedFields};

/// The slots of the words. Further words, which writers add without notice, are ignored.
#[derive(Clone, Debug)]
pub(crate) struct Words(Vec<Slot>);

impl Words {
    /// The access log of an AWS Application Load Balancer.
    pub(super) fn alb(wanted: &WantedFields) -> Self {
        let mut slots = vec![Slot::Ignored; 16];
        slots[1] = Slot::Time(TimeFormat::Iso);
        slots[3] = Slot::Peer;
        slots[8] = Slot::Status;
        slots[12] = Slot::Request;
        slots[13] = field_slot("user-agent", wanted);
        slots[15] = Slot::Tls;
        Self(slots)
    }

    /// Reads a line.
    ///
    /// # Errors
    /// If the line has too few words, or one that is none of its kind.
    pub(crate) fn parse<'l>(
        &self,
        text: &'l [u8],
        line: &mut LogLine<'l>,
        clock: &mut Clock,
    ) -> Result<LineKind, Malformed> {
        // Network Load Balancers write the TLS connections into the same buckets.
        if text.starts_with(b"tls ") {
            return Ok(LineKind::NotRequest(NotRequest::TlsConnection));
        }
        let mut parts = LineParts::default();
        let mut rest = text;
        for slot in &self.0 {
            let (word, after) = next_word(rest).ok_or(Malformed::Shape)?;
            rest = after;
            let value = match word {
                b"-" => None,
                _ => Some(Escaping::Apache.unescape(word)),
            };
            parts.fill(*slot, value, line, clock)?;
        }
        parts.finish(line, clock)
    }
}

/// The next word, without its quotes, and the rest.
fn next_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        if text.is_empty() {
            return None;
        }
        let end = memchr::memchr(b' ', text).unwrap_or(text.len());
        return Some((&text[..end], text.get(end + 1..).unwrap_or_default()));
    };
    let mut begin = 0;
    loop {
        // A quote in a value is not followed by a space and a word of its own in nearly all cases;
        // the end is.
        let end = begin + memchr::memchr(b'"', &quoted[begin..])?;
        match quoted.get(end + 1) {
            None | Some(b' ') => {
                return Some((&quoted[..end], quoted.get(end + 2..).unwrap_or_default()));
            }
            Some(_) => begin = end + 1,
        }
    }
}

/// Turns the `+` of IIS back into a space.
pub(super) fn unescape_plus(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'+', text).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect())
}
