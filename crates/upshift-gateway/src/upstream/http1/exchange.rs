//! One exchange over HTTP/1.1, up to the head of the response.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use http::StatusCode;
use tokio::time::Instant;
use upshift_http1::{SendError, Wants};

use super::connection::{Http1Connection, Http1Head, ResponsePart};
use super::error::Http1Error;
use super::idle::IdleConnections;
use super::request::Http1Request;
use super::switched::SwitchedStream;
use crate::body::RequestBody;

/// A connection in use for a request. Dropping the exchange closes it.
pub(crate) struct Http1Exchange {
    pub(super) connection: Box<Http1Connection>,
    /// The pool to which the connection returns after the exchange; `None` if it is not kept.
    home: Option<Rc<IdleConnections>>,
}

impl Http1Exchange {
    /// Begins an exchange by writing the head of `request` into the buffer. Attach the content with
    /// [`Self::attach_body`].
    ///
    /// # Errors
    /// If HTTP/1.1 cannot express the request.
    pub(crate) fn begin(
        mut connection: Box<Http1Connection>,
        home: Option<Rc<IdleConnections>>,
        request: &Http1Request<'_>,
    ) -> Result<Self, SendError> {
        let Http1Connection { codec, upload, .. } = &mut *connection;
        request.write_head(codec, upload.outgoing.begin_request())?;
        Ok(Self { connection, home })
    }

    /// Attaches the content of the request. If the request expects 100 (Continue), the content is
    /// held back.
    pub(crate) fn attach_body(&mut self, body: RequestBody) {
        let Http1Connection { codec, upload, .. } = &mut *self.connection;
        upload.begin(body, codec.awaits_continue());
    }

    /// Returns true if the content is held back.
    pub(crate) fn holds_content(&self) -> bool {
        self.connection.upload.holds_content()
    }

    /// Lets the content be sent.
    pub(crate) fn release_content(&mut self) {
        let Http1Connection { codec, upload, .. } = &mut *self.connection;
        codec.stop_awaiting_continue();
        upload.release_content();
    }

    /// Takes back content that is held back; the request is not sent any further. `None` if the
    /// content was released.
    pub(crate) fn take_held_content(&mut self) -> Option<RequestBody> {
        self.connection.upload.take_held_content()
    }

    /// Sends the request, and reads the head of the next response to it: interim ones, whose
    /// number the codec limits, then the final one. A 100 (Continue) releases the content.
    pub(crate) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Http1Head, Http1Error>> {
        let sent = self.poll_upload(cx)?;
        if !self.connection.upload.outgoing.has_begun() {
            // Bytes that come before the request are not its response (RFC 9112 §9.2).
            return match sent {
                Poll::Ready(()) => Poll::Ready(Err(closed())),
                Poll::Pending => Poll::Pending,
            };
        }
        match ready!(self.connection.poll_part(cx))? {
            ResponsePart::Head(head) => {
                if head.response.status() == StatusCode::CONTINUE {
                    self.release_content();
                }
                Poll::Ready(Ok(head))
            }
            ResponsePart::Frame(..) | ResponsePart::End => Poll::Ready(Err(closed())),
        }
    }

    /// Ready if `deadline` has passed. Otherwise the task is woken at that time.
    pub(crate) fn poll_deadline(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        self.connection.timer.poll_passed(deadline, cx)
    }

    /// The content of a request of which nothing was sent; `None` if the upstream may have seen any
    /// of the request.
    pub(crate) fn take_unsent(&mut self) -> Option<RequestBody> {
        let upload = &mut self.connection.upload;
        if upload.outgoing.has_begun() { None } else { Some(upload.take_back()) }
    }

    /// Returns true if nothing of the request is left to send.
    pub(super) fn has_sent_request(&self) -> bool {
        self.connection.upload.is_sent()
    }

    /// The stream after a 101, if the upstream has the whole request.
    pub(super) fn into_switched(mut self) -> Option<SwitchedStream> {
        // The codec reports an end of the 101, too.
        let end = self.connection.take_buffered();
        if !matches!(end, Ok(Some(ResponsePart::End))) {
            return None;
        }
        let Http1Connection { stream, codec, mut received, .. } = *self.connection;
        if codec.wants() != Wants::Switch {
            return None;
        }
        Some(SwitchedStream::new(stream, received.take_all()))
    }

    /// Sends as much of the request as possible. Ready when nothing is left to send.
    pub(super) fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Http1Error>> {
        let Http1Connection { codec, stream, upload, .. } = &mut *self.connection;
        upload.poll_send(codec, stream, cx)
    }

    /// Returns true if the response has ended, but the upstream still reads the request.
    pub(super) fn takes_rest_of_request(&self) -> bool {
        self.connection.codec.wants() == Wants::Write
    }

    /// Ends the exchange after the response. Keeps the connection if it can be reused.
    pub(super) fn finish(self) {
        if let Some(home) = self.home {
            home.put(self.connection);
        }
    }
}

fn closed() -> Http1Error {
    io::Error::from(io::ErrorKind::ConnectionAborted).into()
}
