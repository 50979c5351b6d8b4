//! The content of a response over HTTP/1.1.

use std::mem;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use upshift_http1::Framing;

use super::connection::ResponsePart;
use super::early::{EarlyContent, relay_early_response};
use super::exchange::Http1Exchange;
use super::switched::SwitchedStream;
use crate::body::{BodyError, PolledFrame};
use crate::fields::names::KeptNames;

/// The content of a response. Once the last frame is taken, the connection can be reused.
pub(crate) struct Http1Content {
    source: ContentSource,
    /// The next frame, if it was read together with the previous one.
    ahead: Option<Frame<Bytes>>,
    /// The number of remaining bytes, if it is known.
    length: Option<u64>,
    /// The names of the fields of the head until they are taken, then those of the trailers.
    names: Option<Box<KeptNames>>,
}

enum ContentSource {
    /// It has ended, and the connection was released.
    Ended,
    Exchange(Http1Exchange),
    /// A task reads it.
    Early(EarlyContent),
    /// The response is a 101.
    Switch(Http1Exchange),
}

impl Http1Content {
    /// The content of the response whose head was read. After the response, the upstream has
    /// `silence` to read the rest of the request.
    pub(crate) fn of_response(
        exchange: Http1Exchange,
        framing: Framing,
        silence: Duration,
    ) -> Self {
        let length = match framing {
            Framing::Tunnel => return Self::new(ContentSource::Switch(exchange), None),
            Framing::None => Some(0),
            Framing::Length(length) => Some(length),
            _ => None,
        };
        if !exchange.has_sent_request() {
            let early = relay_early_response(exchange, length, silence);
            return Self::new(ContentSource::Early(early), length);
        }
        let mut content = Self::new(ContentSource::Exchange(exchange), length);
        // The body may never be polled, so the connection is released now.
        if length == Some(0) {
            content.read_ahead();
        }
        content
    }

    fn new(source: ContentSource, length: Option<u64>) -> Self {
        Self { source, ahead: None, length, names: None }
    }

    /// The stream after a 101; `None` if this is the content of another response, or the upstream
    /// does not have the whole request.
    pub(crate) fn into_switched(self) -> Option<SwitchedStream> {
        match self.source {
            ContentSource::Switch(exchange) => exchange.into_switched(),
            _ => None,
        }
    }

    /// Keeps the names of the fields of the head.
    pub(crate) fn with_names(mut self, names: Option<Box<KeptNames>>) -> Self {
        self.names = names;
        self
    }

    /// Takes the names of the fields of the head, or, after the frame with the trailers, theirs.
    pub(crate) fn take_names(&mut self) -> Option<Box<KeptNames>> {
        self.names.take()
    }

    /// The next frame.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> PolledFrame {
        let frame = match self.ahead.take() {
            Some(frame) => frame,
            None => match ready!(self.poll_source(cx))? {
                Some(frame) => frame,
                None => return Poll::Ready(None),
            },
        };
        if let (Some(length), Some(data)) = (&mut self.length, frame.data_ref()) {
            *length = length.saturating_sub(data.len() as u64);
            // The body may not be polled again after the last frame.
            if let (0, ContentSource::Early(content)) = (*length, &mut self.source) {
                content.let_task_finish();
            }
        }
        self.read_ahead();
        Poll::Ready(Some(Ok(frame)))
    }

    fn poll_source(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Frame<Bytes>>, BodyError>> {
        match &mut self.source {
            ContentSource::Ended | ContentSource::Switch(_) => Poll::Ready(Ok(None)),
            ContentSource::Exchange(exchange) => match ready!(exchange.connection.poll_part(cx)) {
                Ok(ResponsePart::Frame(frame, names)) => {
                    self.names = names;
                    Poll::Ready(Ok(Some(frame)))
                }
                Ok(_) => {
                    self.end();
                    Poll::Ready(Ok(None))
                }
                Err(error) => Poll::Ready(Err(error.into())),
            },
            ContentSource::Early(content) => match ready!(content.poll_frame(cx))? {
                Some((frame, names)) => {
                    self.names = names;
                    Poll::Ready(Ok(Some(frame)))
                }
                None => Poll::Ready(Ok(None)),
            },
        }
    }

    /// Reads the next frame or the end, if it has already arrived: the caller may not poll again
    /// after the last frame, and the connection must be released by then.
    fn read_ahead(&mut self) {
        let ContentSource::Exchange(exchange) = &mut self.source else { return };
        match exchange.connection.take_buffered() {
            Ok(Some(ResponsePart::Frame(frame, names))) => {
                (self.ahead, self.names) = (Some(frame), names);
            }
            Ok(Some(_)) => self.end(),
            // The codec repeats a fault, so the next poll reports it.
            Ok(None) | Err(_) => {}
        }
    }

    fn end(&mut self) {
        if let ContentSource::Exchange(exchange) =
            mem::replace(&mut self.source, ContentSource::Ended)
        {
            exchange.finish();
        }
    }

    /// Returns true if no further frame follows.
    pub(crate) fn has_ended(&self) -> bool {
        let source_ended = match &self.source {
            ContentSource::Ended | ContentSource::Switch(_) => true,
            ContentSource::Exchange(_) => false,
            // Only the task knows, unless the length is known.
            ContentSource::Early(_) => self.length == Some(0),
        };
        source_ended && self.ahead.is_none()
    }

    /// The number of remaining bytes.
    pub(crate) fn size_hint(&self) -> SizeHint {
        match (self.length, &self.source) {
            (Some(length), _) => SizeHint::with_exact(length),
            _ if self.has_ended() => SizeHint::with_exact(0),
            _ => SizeHint::default(),
        }
    }
}
