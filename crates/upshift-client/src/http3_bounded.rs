//! QUIC streams for the HTTP/3 codec, with limits on the size of frames and on their time.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h3::error::Code;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId, WriteBuf};

use crate::head_limit::HeadLimit;
use crate::head_limited_stream::HeadClock;
use crate::http3_frames::Http3Frames;

type SendStream = h3_quinn::SendStream<Bytes>;
type StreamResult<T> = Poll<Result<T, StreamErrorIncoming>>;

/// A connection or an opener of streams whose streams have limits.
#[derive(Clone)]
pub(crate) struct Bounded<T> {
    inner: T,
    timeout: Duration,
}

/// A stream in both directions.
pub(crate) struct BoundedBidi {
    send: SendStream,
    receive: BoundedReceive,
}

/// The receiving half of a stream.
pub(crate) struct BoundedReceive {
    inner: h3_quinn::RecvStream,
    id: StreamId,
    /// A read is in progress. Until it ends, the inner stream panics at anything but another read.
    reading: bool,
    frames: Http3Frames,
    clock: HeadClock,
    timeout: Duration,
}

impl<T> Bounded<T> {
    /// Limits the time that a frame other than DATA may take.
    pub(crate) fn new(inner: T, timeout: Duration) -> Self {
        Self { inner, timeout }
    }

    fn bound_receive(&self, inner: h3_quinn::RecvStream, frames: Http3Frames) -> BoundedReceive {
        let id = quic::RecvStream::recv_id(&inner);
        BoundedReceive {
            inner,
            id,
            reading: false,
            frames,
            clock: HeadClock::default(),
            timeout: self.timeout,
        }
    }

    fn bound_bidi(&self, stream: h3_quinn::BidiStream<Bytes>) -> BoundedBidi {
        let (send, receive) = quic::BidiStream::split(stream);
        BoundedBidi { send, receive: self.bound_receive(receive, Http3Frames::default()) }
    }
}

impl quic::Connection<Bytes> for Bounded<h3_quinn::Connection> {
    type RecvStream = BoundedReceive;
    type OpenStreams = Bounded<h3_quinn::OpenStreams>;

    fn poll_accept_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<BoundedReceive, ConnectionErrorIncoming>> {
        let stream = ready!(quic::Connection::<Bytes>::poll_accept_recv(&mut self.inner, cx))?;
        Poll::Ready(Ok(self.bound_receive(stream, Http3Frames::for_unidirectional())))
    }

    fn poll_accept_bidi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<BoundedBidi, ConnectionErrorIncoming>> {
        let stream = ready!(self.inner.poll_accept_bidi(cx))?;
        Poll::Ready(Ok(self.bound_bidi(stream)))
    }

    fn opener(&self) -> Self::OpenStreams {
        Bounded::new(quic::Connection::<Bytes>::opener(&self.inner), self.timeout)
    }
}

impl<T> quic::OpenStreams<Bytes> for Bounded<T>
where
    T: quic::OpenStreams<Bytes, BidiStream = h3_quinn::BidiStream<Bytes>, SendStream = SendStream>,
{
    type BidiStream = BoundedBidi;
    type SendStream = SendStream;

    fn poll_open_bidi(&mut self, cx: &mut Context<'_>) -> StreamResult<BoundedBidi> {
        let stream = ready!(self.inner.poll_open_bidi(cx))?;
        Poll::Ready(Ok(self.bound_bidi(stream)))
    }

    fn poll_open_send(&mut self, cx: &mut Context<'_>) -> StreamResult<SendStream> {
        self.inner.poll_open_send(cx)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.inner.close(code, reason);
    }
}

impl BoundedReceive {
    /// Fails if a frame has been incomplete for too long.
    fn poll_timeout<T>(&mut self, cx: &mut Context<'_>) -> StreamResult<T> {
        match self.clock.poll_expired(cx) {
            true => exceeded(HeadLimit::Time(self.timeout)),
            false => Poll::Pending,
        }
    }
}

/// An error for a limit that was exceeded. It keeps its type through the codec.
fn exceeded<T>(limit: HeadLimit) -> StreamResult<T> {
    Poll::Ready(Err(StreamErrorIncoming::Unknown(Box::new(limit))))
}

impl quic::RecvStream for BoundedReceive {
    type Buf = Bytes;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> StreamResult<Option<Bytes>> {
        let read = self.inner.poll_data(cx);
        self.reading = read.is_pending();
        let Poll::Ready(data) = read? else { return self.poll_timeout(cx) };
        if let Some(bytes) = &data
            && let Err(limit) = self.frames.read_bytes(bytes)
        {
            return exceeded(limit);
        }
        self.clock.set_running(self.frames.is_incomplete(), self.timeout);
        Poll::Ready(Ok(data))
    }

    fn stop_sending(&mut self, error_code: u64) {
        // During a read the stream cannot be stopped. It is stopped when it is dropped, with
        // another code.
        if !self.reading {
            self.inner.stop_sending(error_code);
        }
    }

    fn recv_id(&self) -> StreamId {
        self.id
    }
}

impl quic::BidiStream<Bytes> for BoundedBidi {
    type SendStream = SendStream;
    type RecvStream = BoundedReceive;

    fn split(self) -> (SendStream, BoundedReceive) {
        (self.send, self.receive)
    }
}

impl quic::RecvStream for BoundedBidi {
    type Buf = Bytes;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> StreamResult<Option<Bytes>> {
        self.receive.poll_data(cx)
    }

    fn stop_sending(&mut self, error_code: u64) {
        self.receive.stop_sending(error_code);
    }

    fn recv_id(&self) -> StreamId {
        self.receive.recv_id()
    }
}

impl quic::SendStream<Bytes> for BoundedBidi {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> StreamResult<()> {
        self.send.poll_ready(cx)
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.send.send_data(data)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> StreamResult<()> {
        self.send.poll_finish(cx)
    }

    fn reset(&mut self, reset_code: u64) {
        self.send.reset(reset_code);
    }

    fn send_id(&self) -> StreamId {
        self.send.send_id()
    }
}
