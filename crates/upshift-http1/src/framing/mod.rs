//! The framing of a message: how its content ends (RFC 9112 §6.3), decided once from its head.

mod coding;
mod length;

pub(crate) use coding::check_coding;
pub(crate) use length::{Repetition, read_length};

use crate::fault::{FaultClass, Malformed};
use crate::field_id::{FieldId, FieldSet};
use crate::field_table::FieldTable;
use crate::version::Version;

/// The framing of a message: how the end of its content is found.
///
/// A sender passes this value with the head, and only the writer of the head turns it into fields.
/// So a received `Content-Length` is never copied into an outgoing message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// There is no content.
    #[default]
    None,
    /// The content has this number of bytes.
    Length(u64),
    /// The content ends with the last chunk and the trailer section.
    Chunked,
    /// The content ends with the connection. Responses only.
    UntilClose,
    /// The connection leaves HTTP after the head: 101, or 2xx to CONNECT.
    Tunnel,
}

/// The parts of a head that decide its framing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FramingFields<'h> {
    pub(crate) version: Version,
    pub(crate) fields: &'h FieldTable,
    pub(crate) bytes: &'h [u8],
}

impl FramingFields<'_> {
    fn has_any(&self) -> bool {
        let framing = FieldSet::of(&[FieldId::ContentLength, FieldId::TransferEncoding]);
        self.fields.present().intersects(framing)
    }

    /// The offset of the first field with this name.
    pub(crate) fn place_of(&self, id: FieldId) -> usize {
        let first = self.fields.spans().iter().find(|span| span.id() == id);
        first.map_or(0, |span| span.name().start)
    }

    fn fault(&self, class: FaultClass, id: FieldId) -> Malformed {
        Malformed::new(class, self.place_of(id))
    }

    /// The length that `Content-Length` declares.
    pub(crate) fn length(&self, repetition: Repetition) -> Result<Option<u64>, Malformed> {
        let values = self.fields.values_of(FieldId::ContentLength, self.bytes);
        read_length(values, repetition).map_err(|class| self.fault(class, FieldId::ContentLength))
    }

    /// Returns true if `Transfer-Encoding` says that the content is chunked and nothing else.
    fn is_chunked(&self) -> Result<bool, Malformed> {
        if !self.fields.contains(FieldId::TransferEncoding) {
            return Ok(false);
        }
        // RFC 9112 §6.1: a message of HTTP/1.0 with Transfer-Encoding is to be treated "as if the
        // framing is faulty, even if a Content-Length is present".
        if self.version == Version::Http10 {
            return Err(self.fault(FaultClass::CodingHttp10, FieldId::TransferEncoding));
        }
        let values = self.fields.values_of(FieldId::TransferEncoding, self.bytes);
        match check_coding(values) {
            Ok(()) => Ok(true),
            Err(class) => Err(self.fault(class, FieldId::TransferEncoding)),
        }
    }
}

/// Decides the framing of a request.
///
/// # Errors
/// If two recipients could read it differently.
pub(crate) fn request_framing(head: &FramingFields<'_>) -> Result<Framing, Malformed> {
    if !head.has_any() {
        // RFC 9112 §6.3, 7: a request without both has no content; only a response can end with
        // the connection.
        return Ok(Framing::None);
    }
    let is_chunked = head.is_chunked()?;
    let length = head.length(Repetition::Reject)?;
    match (is_chunked, length) {
        // RFC 9112 §6.3: "ought to be handled as an error".
        (true, Some(_)) => Err(head.fault(FaultClass::LengthAndCoding, FieldId::TransferEncoding)),
        (true, None) => Ok(Framing::Chunked),
        (false, Some(length)) => Ok(Framing::Length(length)),
        (false, None) => Ok(Framing::None),
    }
}

/// Decides the framing of a response that may have content.
///
/// # Errors
/// If two recipients could read it differently, or a coding other than `chunked` is applied.
pub(crate) fn response_framing(head: &FramingFields<'_>) -> Result<Framing, Malformed> {
    if !head.has_any() {
        return Ok(Framing::UntilClose);
    }
    // RFC 9112 §6.3, 3: "the Transfer-Encoding overrides the Content-Length".
    if head.is_chunked()? {
        return Ok(Framing::Chunked);
    }
    // RFC 9112 §6.3, 5: a list of equal values is one value.
    let length = head.length(Repetition::Merge)?;
    Ok(length.map_or(Framing::UntilClose, Framing::Length))
}
