//! Sends the request of an exchange to the upstream.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame};
use upshift_http1::ClientConnection;

use super::error::Http1Error;
use super::outgoing::OutgoingBytes;
use crate::body::{BrokenRequest, RequestBody};
use crate::fields::names::{KeptNames, fields_of};
use crate::upstream::connect::UpstreamStream;

/// The part of a request that is not sent yet.
#[derive(Default)]
pub(super) struct Upload {
    pub(super) outgoing: OutgoingBytes,
    /// The content; `None` once it was read to its end.
    body: Option<RequestBody>,
    /// A piece that was read before anything was written. It is needed if nothing can be written,
    /// because the request is then sent elsewhere.
    first: Option<Bytes>,
    /// The content is held back until the upstream asks for it.
    is_held: bool,
    /// The upstream takes no more.
    stopped: bool,
    /// Nothing is left to send.
    sent: bool,
}

impl Upload {
    /// Begins the upload of a request whose head is in the buffer. If `is_held`, the content is not
    /// taken before it is [released](Self::release_content).
    pub(super) fn begin(&mut self, body: RequestBody, is_held: bool) {
        (self.stopped, self.sent, self.is_held) = (false, false, is_held);
        self.first = None;
        self.body = if body.is_end_stream() { None } else { Some(body) };
    }

    /// Returns true if nothing is left to send.
    pub(super) fn is_sent(&self) -> bool {
        self.sent
    }

    /// Returns true if the upstream stopped reading the request before its end.
    pub(super) fn was_stopped(&self) -> bool {
        self.stopped
    }

    /// Returns true if the content is held back.
    pub(super) fn holds_content(&self) -> bool {
        self.is_held
    }

    /// Lets the content be sent.
    pub(super) fn release_content(&mut self) {
        self.is_held = false;
    }

    /// Takes back content that is held back, which will not be sent to this upstream. `None` if it
    /// was released.
    pub(super) fn take_held_content(&mut self) -> Option<RequestBody> {
        if !self.is_held {
            return None;
        }
        (self.stopped, self.sent, self.is_held) = (true, true, false);
        self.body.take()
    }

    /// Takes back the content of a request of which nothing was sent.
    pub(super) fn take_back(&mut self) -> RequestBody {
        self.outgoing.release_buffer();
        match (self.body.take(), self.first.take()) {
            (Some(mut body), Some(first)) => {
                body.put_back(first);
                body
            }
            (Some(body), None) => body,
            (None, first) => RequestBody::from_bytes(first.unwrap_or_default()),
        }
    }

    /// Sends as much as the client provides and the upstream takes, but no content that is held
    /// back. Ready when nothing is left to send: all was sent, or the upstream takes no more.
    ///
    /// # Errors
    /// If the content ends early.
    pub(super) fn poll_send(
        &mut self,
        codec: &mut ClientConnection,
        stream: &mut UpstreamStream,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Http1Error>> {
        while !self.sent {
            let is_waiting = self.is_held || self.fill_outgoing(codec, cx)?;
            if ready!(self.outgoing.poll_write(stream, cx)).is_err() {
                // RFC 9112 §9.5: the upstream may have responded before it stopped reading, so the
                // response is still read.
                (self.stopped, self.sent) = (true, true);
                if self.outgoing.has_begun() && !self.is_held {
                    self.body = None;
                }
                break;
            }
            self.first = None;
            if is_waiting {
                return Poll::Pending;
            }
            self.sent = self.body.is_none();
        }
        Poll::Ready(Ok(()))
    }

    /// Collects pieces of the content until there is enough for a write. Returns true if it waits
    /// for the client.
    fn fill_outgoing(
        &mut self,
        codec: &mut ClientConnection,
        cx: &mut Context<'_>,
    ) -> Result<bool, Http1Error> {
        // Until something is written, at most one piece is read, in case the request is resent.
        while self.outgoing.takes_piece() && self.first.is_none() {
            let Some(body) = &mut self.body else { break };
            let Poll::Ready(polled) = Pin::new(body).poll_frame(cx) else { return Ok(true) };
            match polled {
                Some(Ok(frame)) => self.put_frame(frame, codec)?,
                Some(Err(error)) => {
                    codec.break_off();
                    return Err(BrokenRequest(error).into());
                }
                None => self.put_end(&HeaderMap::new(), None, codec)?,
            }
        }
        Ok(false)
    }

    fn put_frame(
        &mut self,
        frame: Frame<Bytes>,
        codec: &mut ClientConnection,
    ) -> Result<(), Http1Error> {
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                let names = self.body.as_ref().and_then(RequestBody::take_trailer_names);
                let trailers = frame.into_trailers().unwrap_or_default();
                return self.put_end(&trailers, names.as_deref(), codec);
            }
        };
        if !data.is_empty() {
            let framed = codec.send_content(data.len())?;
            if !self.outgoing.has_begun() {
                self.first = Some(data.clone());
            }
            self.outgoing.put_piece(framed, data);
        }
        // The end is added without another poll, so that it goes out in the same write.
        match &self.body {
            Some(body) if body.is_end_stream() && self.outgoing.takes_piece() => {
                self.put_end(&HeaderMap::new(), None, codec)
            }
            _ => Ok(()),
        }
    }

    fn put_end(
        &mut self,
        trailers: &HeaderMap,
        names: Option<&KeptNames>,
        codec: &mut ClientConnection,
    ) -> Result<(), Http1Error> {
        let fields = fields_of(trailers, KeptNames::received(names));
        codec.finish_request(self.outgoing.take_buffer(), fields)?;
        self.body = None;
        Ok(())
    }
}
