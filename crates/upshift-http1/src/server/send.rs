//! The writing half of the server's side.

use crate::field_table::Field;
use crate::framing::Framing;
use crate::send_error::SendError;
use crate::server::connection::{Reading, ServerConnection, Writing};
use crate::version::Version;
use crate::write::{
    ContentFrame, ContentWriter, add_fields, write_connection, write_fields, write_framing,
    write_lines, write_or_undo, write_status_line,
};

/// The first line of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseStart<'r> {
    /// The status.
    pub status: u16,
    /// The reason phrase; may be empty.
    pub reason: &'r [u8],
}

impl ServerConnection {
    /// Writes an interim response (1xx, but not 101). Does nothing for a client of HTTP/1.0.
    ///
    /// # Errors
    /// If the final response has begun, or this one is invalid. Nothing is written then.
    pub fn send_interim<'f>(
        &mut self,
        out: &mut Vec<u8>,
        start: ResponseStart<'_>,
        fields: impl IntoIterator<Item = Field<'f>>,
    ) -> Result<(), SendError> {
        if self.writing != Writing::Ready || self.is_faulty() {
            return Err(SendError::OutOfTurn);
        }
        if !matches!(start.status, 100 | 102..=199) {
            return Err(SendError::InvalidStatus);
        }
        // RFC 9110 §15.2: "a server MUST NOT send a 1xx response to an HTTP/1.0 client."
        if self.exchange.version == Version::Http10 {
            return Ok(());
        }
        write_or_undo(out, |out| {
            write_status_line(out, start.status, start.reason)?;
            write_fields(out, fields)?;
            out.extend_from_slice(b"\r\n");
            Ok(())
        })?;
        if start.status == 100 {
            self.exchange.awaits_continue = false;
        }
        Ok(())
    }

    /// Writes the head of a final response, or of a 101. `framing` is the framing of the content
    /// that follows; for HEAD and 304, the framing that the response to a GET would have.
    ///
    /// The codec writes `Content-Length`, `Transfer-Encoding`, and the options of `Connection` that
    /// it acts on (`close`, `keep-alive`, `upgrade`); other options come from `fields`. A
    /// `Connection: close` in `fields` closes the connection, too.
    ///
    /// Returns the framing in effect. [`Framing::None`], a length of 0 and [`Framing::Tunnel`] end
    /// the response; otherwise [`Self::send_content`] and [`Self::finish_response`] follow.
    /// [`Framing::Chunked`] becomes [`Framing::UntilClose`] for a client of HTTP/1.0.
    ///
    /// If the request is not complete, such as for a 408, the connection is closed after the
    /// response.
    ///
    /// # Errors
    /// If a response has begun, or this one is invalid. Nothing is written then.
    pub fn send_response<'f>(
        &mut self,
        out: &mut Vec<u8>,
        start: ResponseStart<'_>,
        fields: impl IntoIterator<Item = Field<'f>>,
        framing: Framing,
    ) -> Result<Framing, SendError> {
        self.send_prepared_response(out, start, b"", fields, framing)
    }

    /// The same, with field lines that have the form of HTTP/1.1 already (`Name: value`, CR and LF)
    /// before `fields`. They are checked like other fields, and copied line by line. Of a
    /// `Connection` among them only `close` counts.
    ///
    /// # Errors
    /// Those of [`Self::send_response`].
    pub fn send_prepared_response<'f>(
        &mut self,
        out: &mut Vec<u8>,
        start: ResponseStart<'_>,
        lines: &[u8],
        fields: impl IntoIterator<Item = Field<'f>>,
        framing: Framing,
    ) -> Result<Framing, SendError> {
        let is_early = matches!(self.reading, Reading::Head(_));
        match self.writing {
            Writing::Ready => {}
            Writing::NoRequest if is_early || self.is_faulty() => {}
            _ => return Err(SendError::OutOfTurn),
        }
        let plan = self.plan_framing(start.status, framing)?;
        let mut keeps_alive = self.exchange.keeps_alive
            && !self.exhausted
            && !is_early
            && plan.effective != Framing::UntilClose
            // RFC 9110 §10.1.1: the client may or may not send its content, so the next bytes
            // could be content or a request.
            && !self.exchange.awaits_continue;
        let version = self.exchange.version;
        write_or_undo(out, |out| {
            write_status_line(out, start.status, start.reason)?;
            let mut written = write_lines(out, lines)?;
            add_fields(out, fields, &mut written)?;
            keeps_alive &= !written.connection.close && !written.asks_to_close;
            write_framing(out, plan.announced);
            if plan.effective == Framing::Tunnel {
                write_connection(out, &written, None);
            } else {
                write_connection(out, &written, persistence_option(keeps_alive, version));
            }
            out.extend_from_slice(b"\r\n");
            Ok(())
        })?;
        self.exchange.keeps_alive = keeps_alive;
        self.begin_content(plan.effective, is_early);
        Ok(plan.effective)
    }

    /// Decides which framing is announced, and which one is used.
    fn plan_framing(&self, status: u16, framing: Framing) -> Result<FramingPlan, SendError> {
        if !matches!(status, 101 | 200..=599) {
            return Err(SendError::InvalidStatus);
        }
        if status == 101 {
            self.check_switch()?;
        }
        // RFC 9112 §6.1 and RFC 9110 §8.6: "A server MUST NOT send" either field with 1xx, 204, or
        // 2xx to CONNECT.
        if self.exchange.method.opens_tunnel(status) {
            return Ok(FramingPlan { announced: Framing::None, effective: Framing::Tunnel });
        }
        if framing == Framing::Tunnel {
            return Err(SendError::InvalidFraming);
        }
        // RFC 9112 §6.1: "A server MUST NOT send a response containing Transfer-Encoding unless the
        // corresponding request indicates HTTP/1.1 (or later minor revisions)."
        let possible = match framing {
            Framing::Chunked if self.exchange.version == Version::Http10 => Framing::UntilClose,
            framing => framing,
        };
        if status == 204 {
            return Ok(FramingPlan { announced: Framing::None, effective: Framing::None });
        }
        if self.exchange.method.forbids_content(status) {
            return Ok(FramingPlan { announced: possible, effective: Framing::None });
        }
        let explicit = match possible {
            // Without a length, the client would wait for the connection to end.
            Framing::None => Framing::Length(0),
            framing => framing,
        };
        Ok(FramingPlan { announced: explicit, effective: explicit })
    }

    /// RFC 9110 §7.8: "A server MUST NOT switch to a protocol that was not indicated by the
    /// client", and to a request with both Expect and Upgrade, it "MUST send a 100 (Continue)
    /// response before sending a 101".
    fn check_switch(&self) -> Result<(), SendError> {
        if !self.exchange.offers_switch || self.is_faulty() {
            return Err(SendError::SwitchNotOffered);
        }
        if self.exchange.awaits_continue {
            return Err(SendError::ContinueFirst);
        }
        Ok(())
    }

    fn begin_content(&mut self, framing: Framing, is_early: bool) {
        if is_early {
            self.reading = Reading::Closed;
        }
        self.exchange.switches = framing == Framing::Tunnel;
        self.writing = match ContentWriter::for_framing(framing) {
            Some(writer) => Writing::Content(writer),
            None => Writing::Done,
        };
        self.finish_exchange();
    }

    /// Frames a piece of `length` bytes of the response's content, which the caller sends between
    /// the two parts of the frame.
    ///
    /// # Errors
    /// If no content is expected, or more is sent than announced.
    pub fn send_content(&mut self, length: usize) -> Result<ContentFrame, SendError> {
        match &mut self.writing {
            Writing::Content(writer) => writer.frame_piece(length),
            Writing::Done => Err(SendError::ContentNotAllowed),
            _ => Err(SendError::OutOfTurn),
        }
    }

    /// Writes the end of the response, with its trailers if it is chunked and the client accepts
    /// them (`TE: trailers`). Does nothing if the response has ended.
    ///
    /// # Errors
    /// If less content was sent than announced, which aborts the response, or if a trailer is
    /// invalid.
    pub fn finish_response<'f>(
        &mut self,
        out: &mut Vec<u8>,
        trailers: impl IntoIterator<Item = Field<'f>>,
    ) -> Result<(), SendError> {
        let writer = match self.writing {
            Writing::Content(writer) => writer,
            Writing::Done | Writing::NoRequest => return Ok(()),
            Writing::Ready | Writing::Broken => return Err(SendError::OutOfTurn),
        };
        // RFC 9110 §6.5.1: trailers are sent only to a client that accepts them.
        let result = if self.exchange.accepts_trailers {
            writer.write_end(out, trailers)
        } else {
            writer.write_end(out, [])
        };
        if result == Err(SendError::TooLittleContent) {
            self.writing = Writing::Broken;
        }
        result?;
        self.writing = Writing::Done;
        self.finish_exchange();
        Ok(())
    }

    fn is_faulty(&self) -> bool {
        matches!(self.reading, Reading::Faulty(_))
    }
}

/// The framing of a response.
struct FramingPlan {
    /// The framing that the fields announce.
    announced: Framing,
    /// The framing of the content that follows.
    effective: Framing,
}

/// The `Connection` option that states whether the connection persists, if it is not the default.
///
/// RFC 9112 §9.6: a server that closes the connection SHOULD send `close`; RFC 9112 §9.3: with
/// HTTP/1.0, a connection persists only if both sides say so.
fn persistence_option(keeps_alive: bool, version: Version) -> Option<&'static str> {
    match (keeps_alive, version) {
        (false, _) => Some("close"),
        (true, Version::Http10) => Some("keep-alive"),
        (true, Version::Http11) => None,
    }
}
