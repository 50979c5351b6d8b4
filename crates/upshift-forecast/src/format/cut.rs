//! A line that was cut into parts and not read: enough to tell that an equal request was counted.

use std::net::IpAddr;

use super::clock::Clock;
use super::slot::{Slot, parse_status};
use crate::address::parse_address;

/// The parts of a line, as they are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct LineCut<'l> {
    /// The seconds since 1970; `None` if the line has no time.
    pub(crate) time: Option<i64>,
    /// The address of the other end of the connection; `None` if the line has none.
    pub(crate) peer: Option<IpAddr>,
    pub(crate) status: Option<u16>,
    /// The length of the line with its newline.
    pub(crate) length: usize,
    tags: Vec<u8>,
    texts: Vec<&'l [u8]>,
}

impl<'l> LineCut<'l> {
    /// The other texts that distinguish requests.
    pub(crate) fn texts(&self) -> &[&'l [u8]] {
        &self.texts
    }

    /// The slots of the parts, in their order; empty if the format fixes them.
    pub(crate) fn tags(&self) -> &[u8] {
        &self.tags
    }

    /// Forgets the line before.
    pub(super) fn clear(&mut self) {
        (self.time, self.peer, self.status) = (None, None, None);
        self.tags.clear();
        self.texts.clear();
    }

    /// Adds a text that the format has at a fixed place.
    pub(super) fn push_text(&mut self, text: &'l [u8]) {
        self.texts.push(text);
    }

    /// Adds a tag that stands for a fact beside the texts.
    pub(super) fn push_tag(&mut self, tag: u8) {
        self.tags.push(tag);
    }

    /// Adds the text of a slot; `None` if the line must be read for it.
    pub(super) fn push_slot(
        &mut self,
        slot: Slot,
        text: &'l [u8],
        clock: &mut Clock,
    ) -> Option<()> {
        match slot {
            Slot::Ignored => return Some(()),
            Slot::Time(format) => self.time = Some(clock.read(format, text)?),
            Slot::Peer => self.peer = parse_address(text),
            Slot::Status => self.status = parse_status(text).ok()?,
            // Nearly every line has another one. A request that has one is not kept, so its
            // presence is enough.
            Slot::Caller if text.is_empty() => return Some(()),
            Slot::Caller => {}
            // They make up a time together.
            Slot::Date | Slot::TimeOfDay => return None,
            _ => self.texts.push(text),
        }
        self.tags.push(slot.tag());
        Some(())
    }
}

/// The first line of a text without its line end, and its length with it; `None` if the line is
/// empty or has no end.
pub(super) fn first_line(text: &[u8]) -> Option<(&[u8], usize)> {
    let end = memchr::memchr(b'\n', text)?;
    let line = text[..end].strip_suffix(b"\r").unwrap_or(&text[..end]);
    if line.is_empty() { None } else { Some((line, end + 1)) }
}
