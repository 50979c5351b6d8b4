//! An HTTP/1 connection to a client: its stream, the codec, and the bytes between them.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, BytesMut};
use upshift_config::Limits;
use upshift_http1::{Fault, Framing, Received, RequestEvent, RequestHead, ServerConnection};

use super::connection_end::ConnectionEnd;
use super::content_state::ContentState;
use super::faults::reply_to;
use super::output::OutputQueue;
use super::request::ReceivedHead;
use crate::downstream::read_buffer::{poll_receive, poll_receive_large};
use crate::downstream::stream::ClientStream;
use crate::progress::activity::Activity;
use crate::telemetry::disconnect::DisconnectReason;

/// The wire of a connection, shared with the content of the request that is being served.
pub(super) type SharedWire = Rc<RefCell<ClientWire>>;

/// The next message of a connection.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once, and a box costs more")]
pub(super) enum NextMessage {
    /// The head of a request.
    Request(ReceivedHead),
    /// No message: the connection takes no further request.
    End(ConnectionEnd),
}

/// A wire that takes no further request.
pub(super) struct EndedWire {
    pub(super) stream: ClientStream,
    /// Bytes after the last message.
    pub(super) received: BytesMut,
    /// At least one request was read from it.
    pub(super) has_served: bool,
    /// Everything was written.
    pub(super) is_flushed: bool,
    /// The content of the last response ends with the connection.
    pub(super) ends_with_connection: bool,
}

/// The stream of a client, the codec, and the bytes between them.
pub(super) struct ClientWire {
    /// `None` once the connection has ended or switched to another protocol.
    pub(super) stream: Option<ClientStream>,
    pub(super) codec: ServerConnection,
    /// Bytes that the codec has not consumed.
    pub(super) received: BytesMut,
    pub(super) output: OutputQueue,
    /// The client has closed its direction.
    pub(super) has_ended: bool,
    /// At least one request was read from it.
    has_served: bool,
    /// The current request is the last one.
    pub(super) is_closing: bool,
    pub(super) content: ContentState,
    /// The remaining bytes of the current content, if its length is known.
    pub(super) content_left: Option<u64>,
    /// The task that waits for the content to be read or dropped.
    pub(super) waiter: Option<Waker>,
    /// The task that waits for more of the content.
    pub(super) reader: Option<Waker>,
    /// A 100 is queued.
    pub(super) has_interim: bool,
    /// The client has got a 100 in response to the current request.
    pub(super) has_sent_continue: bool,
    /// The content of the response ends with the connection.
    pub(super) ends_with_connection: bool,
}

impl ClientWire {
    /// The wire of a connection from which `received` was read.
    pub(super) fn new(stream: ClientStream, received: BytesMut, limits: &Limits) -> SharedWire {
        Rc::new(RefCell::new(Self {
            stream: Some(stream),
            codec: ServerConnection::new(codec_limits(limits)),
            received,
            output: OutputQueue::default(),
            has_ended: false,
            has_served: false,
            is_closing: false,
            content: ContentState::Read,
            content_left: None,
            waiter: None,
            reader: None,
            has_interim: false,
            has_sent_continue: false,
            ends_with_connection: false,
        }))
    }
}

/// Waits for the next message.
pub(super) async fn next_message(
    wire: &SharedWire,
    activity: &Activity,
) -> Result<NextMessage, DisconnectReason> {
    let next = poll_fn(|cx| wire.borrow_mut().poll_message(cx, activity)).await;
    next.map_err(|_| DisconnectReason::Io)
}

/// Waits until everything was written.
pub(super) async fn flush(wire: &SharedWire) -> Result<(), DisconnectReason> {
    let flushed = poll_fn(|cx| wire.borrow_mut().poll_flush(cx)).await;
    flushed.map_err(|_| DisconnectReason::Io)
}

impl ClientWire {
    /// Makes the current request the last one.
    pub(super) fn begin_shutdown(&mut self) {
        self.is_closing = true;
    }

    /// Takes the stream out, or `None` if it is gone. Unread content of the request is lost.
    pub(super) fn take_ended(&mut self) -> Option<EndedWire> {
        let stream = self.stream.take()?;
        self.wake_reader();
        Some(EndedWire {
            stream,
            received: mem::take(&mut self.received),
            has_served: self.has_served,
            is_flushed: self.output.is_empty(),
            ends_with_connection: self.ends_with_connection,
        })
    }

    /// Returns true if nothing should be queued until the client has read something.
    pub(super) fn has_full_output(&self) -> bool {
        self.output.is_full()
    }

    /// Aborts the response because its content ended early.
    pub(super) fn break_response(&mut self) {
        self.codec.break_off();
    }

    /// Writes everything that is queued.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Some(stream) => self.output.poll_write_to(cx, stream),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Reads more, and records if the client has closed its direction.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<()> {
        let Some(stream) = &mut self.stream else {
            self.has_ended = true;
            return Poll::Ready(());
        };
        let polled = match room {
            0 => poll_receive(stream, &mut self.received, cx),
            room => poll_receive_large(stream, &mut self.received, room, cx),
        };
        // A connection that was reset ends like one that was closed.
        if let Ok(0) | Err(_) = ready!(polled) {
            self.has_ended = true;
        }
        Poll::Ready(())
    }

    /// The next message, once its head is complete. Flushes earlier responses while it waits.
    fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
        activity: &Activity,
    ) -> Poll<io::Result<NextMessage>> {
        loop {
            // A client that does not read its responses gets no further ones.
            if self.output.is_full() {
                ready!(self.poll_flush(cx))?;
            }
            if let Some(message) = self.read_message() {
                if let NextMessage::End(_) = message {
                    ready!(self.poll_flush(cx))?;
                }
                return Poll::Ready(Ok(message));
            }
            if self.poll_flush(cx)?.is_ready() {
                self.output.release_memory();
            }
            if !self.received.is_empty() {
                // The head began to arrive together with the previous request.
                activity.record_read();
            }
            ready!(self.poll_read(cx, 0));
        }
    }

    /// The next message, if it has arrived.
    fn read_message(&mut self) -> Option<NextMessage> {
        let Received { consumed, event } = self.codec.receive(&self.received, self.has_ended);
        let end = match event {
            RequestEvent::Head(head) => return Some(self.begin_request(head, consumed)),
            RequestEvent::Fault(fault) => self.end_of_fault(fault),
            RequestEvent::NeedMore => {
                self.received.advance(consumed);
                if !(self.is_closing && self.received.is_empty()) {
                    return None;
                }
                ConnectionEnd::Close
            }
            _ => self.end_of_requests(),
        };
        Some(NextMessage::End(end))
    }

    fn begin_request(&mut self, head: RequestHead, length: usize) -> NextMessage {
        (self.has_served, self.has_sent_continue) = (true, false);
        let bytes = self.received.split_to(length).freeze();
        if matches!(head.framing(), Framing::None | Framing::Length(0)) {
            // The codec reports the end of a request without content, too.
            self.read_end();
        }
        // The rest of the buffer is kept even if it is empty: it shares the memory of the head,
        // which can be reused once the head is dropped.
        NextMessage::Request(ReceivedHead { head, bytes })
    }

    fn end_of_fault(&self, fault: Fault) -> ConnectionEnd {
        // The client closed its direction within the head, so no response is needed.
        if fault.status().is_none() {
            return ConnectionEnd::WithinHead;
        }
        let bytes = self.received.clone().freeze();
        ConnectionEnd::Fault(reply_to(fault.class, &bytes), bytes)
    }

    /// The end of a connection that takes no further request.
    fn end_of_requests(&self) -> ConnectionEnd {
        // Closing with unread bytes would reset the connection, and the response could be lost.
        if self.received.is_empty() || self.has_ended {
            ConnectionEnd::Close
        } else {
            ConnectionEnd::Linger
        }
    }
}

fn codec_limits(limits: &Limits) -> upshift_http1::Limits {
    upshift_http1::Limits {
        head_bytes: limits.header_bytes,
        // The exchange reads these fields itself, and never removes them.
        ignores_essential_options: true,
        // The exchange checks `Host` and the authority itself, for all versions of HTTP.
        checks_host: false,
        ..upshift_http1::Limits::default()
    }
}
