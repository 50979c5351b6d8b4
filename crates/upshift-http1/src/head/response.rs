//! The head of a response.

use crate::fault::Malformed;
use crate::field_id::FieldId;
use crate::field_table::{FieldTable, slice_of};
use crate::framing::{Framing, FramingFields, Repetition, response_framing};
use crate::head::request::read_connection;
use crate::head::section_fields::{SpaceBeforeColon, parse_fields};
use crate::head::section_reader::Section;
use crate::head::start_line::StatusLine;
use crate::limits::Limits;
use crate::version::Version;

/// The method of the request, as far as the framing of the response depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RequestMethod {
    Head,
    Connect,
    #[default]
    Other,
}

impl RequestMethod {
    pub(crate) fn of(method: &[u8]) -> Self {
        match method {
            b"HEAD" => Self::Head,
            b"CONNECT" => Self::Connect,
            _ => Self::Other,
        }
    }

    /// Returns true if a response with this status has no content, even if its fields announce
    /// some.
    ///
    /// RFC 9112 §6.3, 1: "Any response to a HEAD request and any response with a 1xx
    /// (Informational), 204 (No Content), or 304 (Not Modified) status code is always terminated by
    /// the first empty line after the header fields".
    pub(crate) fn forbids_content(self, status: u16) -> bool {
        self == Self::Head || matches!(status, 100..=199 | 204 | 304)
    }

    /// Returns true if the connection becomes a tunnel after a response with this status.
    ///
    /// RFC 9112 §6.3, 2: "Any 2xx (Successful) response to a CONNECT request implies that the
    /// connection will become a tunnel".
    pub(crate) fn opens_tunnel(self, status: u16) -> bool {
        status == 101 || (self == Self::Connect && (200..300).contains(&status))
    }
}

/// The head of a response, as offsets into the bytes of its event.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    line: StatusLine,
    fields: FieldTable,
    framing: Framing,
    declared_length: Option<u64>,
    keeps_alive: bool,
}

impl ResponseHead {
    /// Parses the fields of a complete section, and derives the framing and options from them.
    pub(crate) fn parse(
        bytes: &[u8],
        section: Section<StatusLine>,
        method: RequestMethod,
        limits: &Limits,
    ) -> Result<Self, Malformed> {
        let Section { line, fields_start, fields: count, .. } = section;
        let fields = parse_fields(bytes, fields_start, count, SpaceBeforeColon::Remove)?;
        let head = FramingFields { version: line.version, fields: &fields, bytes };
        let options = read_connection(&head, limits)?;
        let framing = if method.opens_tunnel(line.status) {
            // RFC 9112 §6.3, 2: "A client MUST ignore any Content-Length or Transfer-Encoding
            // header fields received in such a message."
            Framing::Tunnel
        } else if method.forbids_content(line.status) {
            Framing::None
        } else {
            response_framing(&head)?
        };
        let declared_length = match framing {
            Framing::Length(length) => Some(length),
            Framing::None => head.length(Repetition::Merge).ok().flatten(),
            _ => None,
        };
        let is_persistent = options.keep_alive || line.version == Version::Http11;
        // RFC 9112 §6.3, 3: do not send another request to a server that sends both.
        let is_doubtful = framing == Framing::Chunked && fields.contains(FieldId::ContentLength);
        let keeps_alive = is_persistent && !options.close && !is_doubtful;
        Ok(Self { line, framing, declared_length, keeps_alive, fields })
    }

    /// The status, from 100 to 599.
    pub fn status(&self) -> u16 {
        self.line.status
    }

    /// The reason phrase, as it was sent.
    pub fn reason<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        slice_of(bytes, self.line.reason.clone())
    }

    /// The version.
    pub fn version(&self) -> Version {
        self.line.version
    }

    /// The fields.
    pub fn fields(&self) -> &FieldTable {
        &self.fields
    }

    /// Takes the fields out.
    pub fn into_fields(self) -> FieldTable {
        self.fields
    }

    /// The framing of the content on this connection.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// The number of bytes that `Content-Length` declares, even if no content follows (HEAD, 304).
    /// `None` if there is no such field, or if it is malformed and no content follows.
    pub fn declared_length(&self) -> Option<u64> {
        self.declared_length
    }

    /// Returns true if the server lets the connection persist.
    pub fn keeps_alive(&self) -> bool {
        self.keeps_alive && self.framing != Framing::UntilClose
    }
}
