//! The QUIC transport of h3, with a [`FrameGuard`] on each stream.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h3::error::Code;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId, WriteBuf};
use h3_quinn::{Connection, OpenStreams, SendStream};

use super::frame_guard::{BadFrame, FrameGuard};

/// A QUIC connection with guarded streams.
pub(super) struct GuardedConnection {
    quic: Connection,
    limit: u64,
}

/// Opens streams whose receiving half is guarded.
pub(super) struct GuardedOpener {
    quic: OpenStreams,
    limit: u64,
}

/// The receiving half of a stream.
pub(super) struct GuardedReceiver {
    quic: h3_quinn::RecvStream,
    id: StreamId,
    guard: FrameGuard,
    /// The client has sent its last byte.
    ended: bool,
    /// A read is pending. h3-quinn moves the stream into the read, and panics if another method is
    /// called meanwhile.
    reading: bool,
}

/// A bidirectional stream.
pub(super) struct GuardedStream {
    sender: SendStream<Bytes>,
    receiver: GuardedReceiver,
}

impl GuardedConnection {
    /// Guards `quic`. Frames that h3 buffers whole may have `limit` bytes.
    pub(super) fn new(quic: quinn::Connection, limit: usize) -> Self {
        Self { quic: Connection::new(quic), limit: limit as u64 }
    }
}

fn guard_stream(stream: h3_quinn::BidiStream<Bytes>, limit: u64) -> GuardedStream {
    let (sender, receiver) = quic::BidiStream::split(stream);
    GuardedStream {
        sender,
        receiver: GuardedReceiver::new(receiver, FrameGuard::for_request(limit)),
    }
}

impl quic::Connection<Bytes> for GuardedConnection {
    type RecvStream = GuardedReceiver;
    type OpenStreams = GuardedOpener;

    fn poll_accept_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<GuardedReceiver, ConnectionErrorIncoming>> {
        let receiver = ready!(quic::Connection::<Bytes>::poll_accept_recv(&mut self.quic, cx))?;
        Poll::Ready(Ok(GuardedReceiver::new(receiver, FrameGuard::for_unidirectional(self.limit))))
    }

    fn poll_accept_bidi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<GuardedStream, ConnectionErrorIncoming>> {
        let stream = ready!(quic::Connection::<Bytes>::poll_accept_bidi(&mut self.quic, cx))?;
        Poll::Ready(Ok(guard_stream(stream, self.limit)))
    }

    fn opener(&self) -> GuardedOpener {
        GuardedOpener { quic: quic::Connection::<Bytes>::opener(&self.quic), limit: self.limit }
    }
}

impl quic::OpenStreams<Bytes> for GuardedConnection {
    type BidiStream = GuardedStream;
    type SendStream = SendStream<Bytes>;

    fn poll_open_bidi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<GuardedStream, StreamErrorIncoming>> {
        let stream = ready!(quic::OpenStreams::<Bytes>::poll_open_bidi(&mut self.quic, cx))?;
        Poll::Ready(Ok(guard_stream(stream, self.limit)))
    }

    fn poll_open_send(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<SendStream<Bytes>, StreamErrorIncoming>> {
        quic::OpenStreams::<Bytes>::poll_open_send(&mut self.quic, cx)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        quic::OpenStreams::<Bytes>::close(&mut self.quic, code, reason);
    }
}

impl quic::OpenStreams<Bytes> for GuardedOpener {
    type BidiStream = GuardedStream;
    type SendStream = SendStream<Bytes>;

    fn poll_open_bidi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<GuardedStream, StreamErrorIncoming>> {
        let stream = ready!(quic::OpenStreams::<Bytes>::poll_open_bidi(&mut self.quic, cx))?;
        Poll::Ready(Ok(guard_stream(stream, self.limit)))
    }

    fn poll_open_send(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<SendStream<Bytes>, StreamErrorIncoming>> {
        quic::OpenStreams::<Bytes>::poll_open_send(&mut self.quic, cx)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        quic::OpenStreams::<Bytes>::close(&mut self.quic, code, reason);
    }
}

impl GuardedReceiver {
    fn new(quic: h3_quinn::RecvStream, guard: FrameGuard) -> Self {
        let id = quic::RecvStream::recv_id(&quic);
        Self { quic, id, guard, reading: false, ended: false }
    }

    /// The next bytes, or the reason to end the stream.
    fn poll_checked(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, GuardError>> {
        while !self.ended {
            let polled = quic::RecvStream::poll_data(&mut self.quic, cx);
            self.reading = polled.is_pending();
            let Some(bytes) = ready!(polled).map_err(GuardError::Transport)? else {
                self.ended = true;
                // RFC 9114 §7.1: h3 has to see that the stream ends within a frame, so it gets the
                // part of the header that was held back.
                return Poll::Ready(Ok(self.guard.take_header()));
            };
            let passed = self.guard.pass_bytes(bytes).map_err(GuardError::Guard)?;
            if !passed.is_empty() {
                return Poll::Ready(Ok(Some(passed)));
            }
        }
        Poll::Ready(Ok(None))
    }

    fn stop_stream(&mut self, bad: BadFrame) -> StreamErrorIncoming {
        quic::RecvStream::stop_sending(self, code_of(bad).value());
        StreamErrorIncoming::Unknown(Box::new(bad))
    }
}

/// The reason why there are no more bytes.
enum GuardError {
    Transport(StreamErrorIncoming),
    Guard(BadFrame),
}

/// RFC 9114 §8.1, §4.1.2.
fn code_of(bad: BadFrame) -> Code {
    match bad {
        BadFrame::TooLong => Code::H3_EXCESSIVE_LOAD,
        BadFrame::Section(_) => Code::H3_MESSAGE_ERROR,
    }
}

impl quic::RecvStream for GuardedReceiver {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let checked = ready!(self.poll_checked(cx));
        Poll::Ready(checked.map_err(|error| match error {
            GuardError::Transport(error) => error,
            GuardError::Guard(bad) => self.stop_stream(bad),
        }))
    }

    fn stop_sending(&mut self, error_code: u64) {
        // While a read is pending, dropping the stream stops the client as well.
        if !self.reading {
            quic::RecvStream::stop_sending(&mut self.quic, error_code);
        }
    }

    fn recv_id(&self) -> StreamId {
        self.id
    }
}

impl quic::RecvStream for GuardedStream {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let checked = ready!(self.receiver.poll_checked(cx));
        Poll::Ready(checked.map_err(|error| match error {
            GuardError::Transport(error) => error,
            GuardError::Guard(bad) => {
                // RFC 9114 §4.1.2: a stream error, in both directions.
                quic::SendStream::reset(&mut self.sender, code_of(bad).value());
                self.receiver.stop_stream(bad)
            }
        }))
    }

    fn stop_sending(&mut self, error_code: u64) {
        self.receiver.stop_sending(error_code);
    }

    fn recv_id(&self) -> StreamId {
        self.receiver.recv_id()
    }
}

impl quic::SendStream<Bytes> for GuardedStream {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.sender.poll_ready(cx)
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.sender.send_data(data)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.sender.poll_finish(cx)
    }

    fn reset(&mut self, reset_code: u64) {
        self.sender.reset(reset_code);
    }

    fn send_id(&self) -> StreamId {
        self.sender.send_id()
    }
}

impl quic::BidiStream<Bytes> for GuardedStream {
    type SendStream = SendStream<Bytes>;
    type RecvStream = GuardedReceiver;

    fn split(self) -> (SendStream<Bytes>, GuardedReceiver) {
        (self.sender, self.receiver)
    }
}
