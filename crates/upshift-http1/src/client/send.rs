//! The writing half of the client's side.

use crate::client::connection::{ClientConnection, Exchange, Reading, Writing};
use crate::field_id::FieldId;
use crate::field_table::Field;
use crate::framing::Framing;
use crate::head::{RequestMethod, ResponseReader};
use crate::send_error::SendError;
use crate::version::Version;
use crate::write::{
    ContentFrame, ContentWriter, write_connection, write_fields, write_framing, write_or_undo,
    write_request_line,
};

/// The first line of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestStart<'r> {
    /// The method.
    pub method: &'r [u8],
    /// The target, in the form that the method needs (RFC 9112 §3.2).
    pub target: &'r [u8],
    /// The version.
    pub version: Version,
}

impl ClientConnection {
    /// Writes the head of a request. `framing` is the framing of the content that follows.
    ///
    /// The codec writes `Content-Length` and `Transfer-Encoding`; all other fields, including
    /// `Host`, come from `fields`. With `Connection: close`, the connection is closed after the
    /// exchange. With `Expect: 100-continue`, [`Self::awaits_continue`] returns true until a
    /// response arrives or content is sent.
    ///
    /// # Errors
    /// If the connection is not idle, or the request is invalid. Nothing is written then.
    pub fn send_request<'f>(
        &mut self,
        out: &mut Vec<u8>,
        start: RequestStart<'_>,
        fields: impl IntoIterator<Item = Field<'f>>,
        framing: Framing,
    ) -> Result<(), SendError> {
        if !matches!(self.reading, Reading::Idle) || self.ended {
            return Err(SendError::OutOfTurn);
        }
        check_framing(&start, framing)?;
        let mut exchange =
            Exchange { method: RequestMethod::of(start.method), ..Exchange::default() };
        write_or_undo(out, |out| {
            write_request_line(out, start.method, start.target, start.version)?;
            let written = write_fields(out, fields)?;
            // RFC 9112 §3.2: "A client MUST send a Host header field in all HTTP/1.1 request
            // messages."
            let needs_host = start.version == Version::Http11;
            if written.hosts > 1 || written.has_invalid_host || (needs_host && written.hosts == 0) {
                return Err(SendError::InvalidHost);
            }
            write_framing(out, framing);
            write_connection(out, &written, None);
            out.extend_from_slice(b"\r\n");
            exchange.keeps_alive =
                !written.connection.close && (needs_host || written.connection.keep_alive);
            exchange.offers_switch = written.present.contains(FieldId::Upgrade);
            exchange.awaits_continue = written.expects_continue;
            Ok(())
        })?;
        self.begin_request(exchange, framing);
        Ok(())
    }

    fn begin_request(&mut self, exchange: Exchange, framing: Framing) {
        self.exchange = exchange;
        self.reading = Reading::Head(ResponseReader::default());
        self.writing = match ContentWriter::for_framing(framing) {
            Some(writer) => Writing::Content(writer),
            None => Writing::Done,
        };
        // RFC 9110 §10.1.1: "A client MUST NOT generate a 100-continue expectation in a request
        // that does not include content." The server ignores it, so there is nothing to wait for.
        self.exchange.awaits_continue &= self.writing != Writing::Done;
    }

    /// Frames a piece of `length` bytes of the request's content, which the caller sends between
    /// the two parts of the frame. Stops waiting for 100 (Continue).
    ///
    /// # Errors
    /// If no content is expected, or more is sent than announced.
    pub fn send_content(&mut self, length: usize) -> Result<ContentFrame, SendError> {
        self.exchange.awaits_continue = false;
        match &mut self.writing {
            Writing::Content(writer) => writer.frame_piece(length),
            Writing::Done => Err(SendError::ContentNotAllowed),
            Writing::Idle | Writing::Broken => Err(SendError::OutOfTurn),
        }
    }

    /// Writes the end of the request, with its trailers if it is chunked. Does nothing if the
    /// request has ended.
    ///
    /// # Errors
    /// If less content was sent than announced, after which the connection must be closed, or if a
    /// trailer is invalid.
    pub fn finish_request<'f>(
        &mut self,
        out: &mut Vec<u8>,
        trailers: impl IntoIterator<Item = Field<'f>>,
    ) -> Result<(), SendError> {
        let writer = match self.writing {
            Writing::Content(writer) => writer,
            Writing::Done | Writing::Idle => return Ok(()),
            Writing::Broken => return Err(SendError::OutOfTurn),
        };
        let result = writer.write_end(out, trailers);
        if result == Err(SendError::TooLittleContent) {
            self.writing = Writing::Broken;
        }
        result?;
        self.writing = Writing::Done;
        self.finish_exchange();
        Ok(())
    }
}

/// RFC 9112 §6.3: only a response can end with the connection; §6.1: HTTP/1.0 has no chunks; RFC
/// 9110 §9.3.6 and §9.3.8: CONNECT and TRACE have no content.
fn check_framing(start: &RequestStart<'_>, framing: Framing) -> Result<(), SendError> {
    let is_possible = match framing {
        Framing::None => true,
        Framing::Length(_) | Framing::Chunked if is_bodiless(start.method) => false,
        Framing::Length(_) => true,
        Framing::Chunked => start.version == Version::Http11,
        Framing::UntilClose | Framing::Tunnel => false,
    };
    if is_possible { Ok(()) } else { Err(SendError::InvalidFraming) }
}

fn is_bodiless(method: &[u8]) -> bool {
    matches!(method, b"CONNECT" | b"TRACE")
}
