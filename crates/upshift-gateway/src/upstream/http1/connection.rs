//! A connection to an upstream over HTTP/1.1.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::task::unconstrained;
use upshift_http1::{
    ClientConnection, FieldId, FieldTable, Framing, Limits, Received, ResponseEvent, ResponseHead,
    Wants,
};

use super::deadline::DeadlineTimer;
use super::error::Http1Error;
use super::keep_alive::idle_time;
use super::received::ReceivedBytes;
use super::response::convert_head;
use super::upload::Upload;
use crate::fields::header_map::to_header_map;
use crate::fields::names::KeptNames;
use crate::upstream::connect::UpstreamStream;

/// The most bytes of the header section of a response. The operator chose the upstream, so this is
/// the most that the codec supports.
const MOST_HEAD_BYTES: usize = 65_535;
/// The most fields of a response.
const MOST_FIELDS: usize = 512;

/// A connection to an upstream over HTTP/1.1. While it is idle, it holds no buffer.
pub(crate) struct Http1Connection {
    pub(super) stream: UpstreamStream,
    pub(super) codec: ClientConnection,
    pub(super) upload: Upload,
    pub(super) received: ReceivedBytes,
    pub(super) timer: DeadlineTimer,
    /// The time it may be idle, if the last response stated one.
    pub(super) idle_time: Option<Duration>,
}

/// The head of a response.
pub(crate) struct Http1Head {
    /// The head, with the framing of its content.
    pub(crate) response: Response<Framing>,
    /// Its fields, as offsets into `bytes`.
    pub(crate) fields: FieldTable,
    /// The bytes of the head.
    pub(crate) bytes: Bytes,
    /// Another response to the same request follows (RFC 9110 §15.2).
    pub(crate) is_interim: bool,
}

/// A part of a response.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once, and a box costs more")]
pub(super) enum ResponsePart {
    /// The head of an interim response, of the final one, or of a 101.
    Head(Http1Head),
    /// Content, or trailers and their names.
    Frame(Frame<Bytes>, Option<Box<KeptNames>>),
    /// The end.
    End,
}

impl Http1Connection {
    /// A connection on which nothing was sent.
    pub(crate) fn new(stream: UpstreamStream) -> Box<Self> {
        let limits =
            Limits { head_bytes: MOST_HEAD_BYTES, fields: MOST_FIELDS, ..Limits::default() };
        Box::new(Self {
            stream,
            codec: ClientConnection::new(limits),
            upload: Upload::default(),
            received: ReceivedBytes::default(),
            timer: DeadlineTimer::default(),
            idle_time: None,
        })
    }

    /// Returns true if, as far as is known without waiting, it can take a request.
    ///
    /// RFC 9112 §9.2: unsolicited bytes cannot be the response to the next request. Unless the
    /// kernel has reported something to read, this makes no system call.
    pub(super) fn is_reusable(&mut self) -> bool {
        let is_complete = self.codec.wants() == Wants::Idle
            && self.received.is_open_and_empty()
            && !self.upload.was_stopped();
        if !is_complete {
            return false;
        }
        let stream = &mut self.stream;
        // Outside the task's budget: if that is used up, a read looks as if nothing had arrived.
        let silent = unconstrained(poll_fn(|cx| {
            let mut space = [0; 1];
            let polled = Pin::new(&mut *stream).poll_read(cx, &mut ReadBuf::new(&mut space));
            Poll::Ready(polled.is_pending())
        }));
        let cx = &mut Context::from_waker(Waker::noop());
        pin!(silent).poll(cx) == Poll::Ready(true)
    }

    /// Releases what only an exchange needs: the buffer, and the wakers, which would keep the
    /// memory of the task. The waker for reading was already replaced by [`Self::is_reusable`].
    pub(super) fn park(&mut self) {
        self.received.release_buffer();
        self.timer.forget_task(&mut Context::from_waker(Waker::noop()));
    }

    /// Closes an idle connection. Over TLS, a close_notify is sent.
    pub(super) fn close(mut self: Box<Self>) {
        if self.stream.is_tls() {
            let cx = &mut Context::from_waker(Waker::noop());
            // It fits in the buffer of an idle socket. If not, it is not worth waiting.
            let _ = Pin::new(&mut self.stream).poll_shutdown(cx);
        }
    }

    /// The next part of the response.
    pub(super) fn poll_part(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponsePart, Http1Error>> {
        loop {
            if let Some(part) = self.take_buffered()? {
                return Poll::Ready(Ok(part));
            }
            if self.received.has_ended() {
                return Poll::Ready(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()));
            }
            ready!(self.received.poll_fill(&mut self.stream, cx))?;
        }
    }

    /// The next part of the response, if it has already been read.
    pub(super) fn take_buffered(&mut self) -> Result<Option<ResponsePart>, Http1Error> {
        let Self { codec, received, .. } = self;
        let Received { consumed, event } = codec.receive(received.as_slice(), received.has_ended());
        let part = match event {
            ResponseEvent::Interim(head) => return self.take_head(head, consumed, true).map(Some),
            ResponseEvent::Head(head) => return self.take_head(head, consumed, false).map(Some),
            ResponseEvent::Data(range) => {
                let data = received.take_range(range, consumed);
                return Ok(Some(ResponsePart::Frame(Frame::data(data), None)));
            }
            ResponseEvent::Trailers(fields) => {
                let bytes = received.take_range(0..consumed, consumed);
                let trailers = Frame::trailers(to_header_map(&fields, &bytes, 0));
                let names = KeptNames::unless_title_case(fields, bytes);
                return Ok(Some(ResponsePart::Frame(trailers, names)));
            }
            ResponseEvent::Fault(fault) => return Err(Http1Error::Fault(fault)),
            ResponseEvent::NeedMore => None,
            ResponseEvent::End => Some(ResponsePart::End),
            // The bytes are kept: they show that the connection cannot be reused, or they belong to
            // another protocol.
            ResponseEvent::Paused | ResponseEvent::Switched | ResponseEvent::Closed => {
                return Ok(Some(ResponsePart::End));
            }
        };
        received.consume(consumed);
        Ok(part)
    }

    fn take_head(
        &mut self,
        head: ResponseHead,
        length: usize,
        is_interim: bool,
    ) -> Result<ResponsePart, Http1Error> {
        let bytes = self.received.take_range(0..length, length);
        if !is_interim {
            self.idle_time = stated_idle_time(&head, &bytes);
        }
        let response = convert_head(&head, &bytes)?;
        Ok(ResponsePart::Head(Http1Head {
            response,
            fields: head.into_fields(),
            bytes,
            is_interim,
        }))
    }
}

fn stated_idle_time(head: &ResponseHead, bytes: &[u8]) -> Option<Duration> {
    let mut values = head.fields().values_of(FieldId::KeepAlive, bytes);
    idle_time(values.next()?)
}
