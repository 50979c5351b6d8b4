//! Reading the content of a request from the wire.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use upshift_http1::{Received, RequestEvent};

use super::connection_end::ConnectionEnd;
use super::content_state::{BadContent, ContentPart, ContentState};
use super::wire::{ClientWire, SharedWire};
use crate::downstream::read_buffer::release;
use crate::fields::header_map::to_header_map;
use crate::fields::names::KeptNames;
use crate::telemetry::disconnect::DisconnectReason;

/// The longest content that is read to keep a connection, in bytes.
const MAX_SHORT_CONTENT: u64 = 64 * 1024;

/// The size of a read of long content, in bytes.
const CONTENT_READ: usize = 32 * 1024;

/// Waits until the content of the request was read or abandoned.
pub(super) async fn settle_content(
    wire: &SharedWire,
) -> Result<Option<ConnectionEnd>, DisconnectReason> {
    let settled = poll_fn(|cx| wire.borrow_mut().poll_settled(cx)).await;
    settled.map_err(|_| DisconnectReason::Io)
}

/// The content of the current request.
impl ClientWire {
    /// Begins content of `length` bytes, if the length is known.
    pub(super) fn begin_content(&mut self, length: Option<u64>) {
        self.content = ContentState::InUse;
        self.content_left = length;
    }

    /// Returns true if the content was read to its end.
    pub(super) fn has_whole_content(&self) -> bool {
        self.content == ContentState::Read
    }

    /// Records that the exchange does not read the rest of the content.
    pub(super) fn abandon_content(&mut self) {
        if self.content == ContentState::InUse {
            self.enter_content_state(ContentState::Abandoned);
        }
    }

    /// The next part of the content.
    pub(super) fn poll_content(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ContentPart, BadContent>> {
        self.send_continue();
        loop {
            if let Some(part) = self.read_content() {
                return Poll::Ready(part);
            }
            // Only before the response, which is flushed by the task that writes it: two tasks
            // cannot wait for the same socket.
            if self.has_interim && self.poll_flush(cx).is_ready() {
                self.has_interim = false;
            }
            if self.poll_read(cx, self.room_for_content()).is_pending() {
                self.keep_reader(cx);
                return Poll::Pending;
            }
        }
    }

    /// The part of the content that has arrived.
    fn read_content(&mut self) -> Option<Result<ContentPart, BadContent>> {
        let is_open = matches!(self.content, ContentState::InUse | ContentState::Abandoned);
        if !is_open || self.stream.is_none() {
            return Some(Err(BadContent::CutShort));
        }
        let Received { consumed, event } = self.codec.receive(&self.received, self.has_ended);
        match event {
            RequestEvent::Data(range) => {
                let bytes = self.take_received(consumed);
                self.count_content(range.len());
                Some(Ok(ContentPart::Data(bytes.slice(range))))
            }
            RequestEvent::Trailers(fields) => {
                let bytes = self.take_received(consumed);
                self.read_end();
                let trailers = to_header_map(&fields, &bytes, 0);
                let names = KeptNames::unless_title_case(fields, bytes);
                Some(Ok(ContentPart::Trailers(trailers, names)))
            }
            RequestEvent::End => {
                self.received.advance(consumed);
                self.enter_content_state(ContentState::Read);
                Some(Ok(ContentPart::End))
            }
            RequestEvent::Fault(fault) => {
                self.enter_content_state(ContentState::Failed);
                Some(Err(BadContent::of_fault(fault)))
            }
            RequestEvent::Closed => {
                self.enter_content_state(ContentState::Failed);
                Some(Err(BadContent::CutShort))
            }
            _ => {
                self.received.advance(consumed);
                None
            }
        }
    }

    /// Waits until the content was read or abandoned, and discards the rest of it. Returns the end
    /// of the connection if no further request can follow.
    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<ConnectionEnd>>> {
        // The response need not be flushed yet: it may go out with the next one.
        if self.has_whole_content() {
            return Poll::Ready(Ok(None));
        }
        ready!(self.poll_flush(cx))?;
        loop {
            match self.content {
                ContentState::Read => return Poll::Ready(Ok(None)),
                ContentState::InUse if !self.is_closing => {
                    self.waiter = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                ContentState::Abandoned if self.keeps_short_content() => {
                    if self.read_content().is_none() {
                        ready!(self.poll_read(cx, 0));
                    }
                }
                _ => return Poll::Ready(Ok(Some(ConnectionEnd::Linger))),
            }
        }
    }

    /// Returns true if the rest of the content is discarded, so that another request may follow.
    fn keeps_short_content(&self) -> bool {
        !self.is_closing && self.codec.keeps_alive() && self.has_short_content()
    }

    /// Returns true if another request may follow the content of the current one.
    pub(super) fn may_keep_alive(&self) -> bool {
        match self.content {
            ContentState::Read => true,
            ContentState::InUse => !self.codec.awaits_continue(),
            ContentState::Abandoned => self.has_short_content(),
            ContentState::Failed => false,
        }
    }

    /// Returns true if the rest is short enough to read it and keep the connection.
    ///
    /// RFC 9110 §10.1.1: a client that waits for the 100 may or may not send its content, so the
    /// next bytes could be content or a request.
    fn has_short_content(&self) -> bool {
        match self.content_left {
            Some(left) => left <= MAX_SHORT_CONTENT && !self.codec.awaits_continue(),
            None => false,
        }
    }

    fn take_received(&mut self, length: usize) -> Bytes {
        let bytes = self.received.split_to(length).freeze();
        release(&mut self.received);
        bytes
    }

    /// Counts content that has arrived. With a known length, the last byte ends the request.
    fn count_content(&mut self, length: usize) {
        let Some(left) = &mut self.content_left else { return };
        *left = left.saturating_sub(length as u64);
        if *left == 0 {
            self.read_end();
        }
    }

    /// Reads the end of the request, which has no bytes.
    pub(super) fn read_end(&mut self) {
        let ended = self.codec.receive(&[], false);
        debug_assert!(matches!(ended.event, RequestEvent::End), "{:?}", ended.event);
        self.enter_content_state(ContentState::Read);
    }

    /// The room for a read of content: a large buffer only if much content follows.
    fn room_for_content(&self) -> usize {
        match self.content_left {
            Some(left) if left < CONTENT_READ as u64 => 0,
            _ => CONTENT_READ,
        }
    }

    fn enter_content_state(&mut self, state: ContentState) {
        self.content = state;
        if let Some(waiter) = self.waiter.take() {
            waiter.wake();
        }
    }

    fn keep_reader(&mut self, cx: &Context<'_>) {
        match &mut self.reader {
            Some(reader) => reader.clone_from(cx.waker()),
            None => self.reader = Some(cx.waker().clone()),
        }
    }

    pub(super) fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}
