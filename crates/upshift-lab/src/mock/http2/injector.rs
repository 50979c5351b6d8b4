//! Frames of one's own between those of the library.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use upshift_http::http2::FrameHead;

/// The stream below an HTTP/2 library. Whole frames of the library pass, and others between them.
pub(super) struct FrameInjector<S> {
    stream: S,
    queue: Arc<Mutex<Queue>>,
}

/// A handle that sends frames.
#[derive(Clone)]
pub(super) struct FrameSender(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    /// The octets of the library that are no whole frame yet.
    partial: BytesMut,
    /// Whole frames, to be written.
    frames: BytesMut,
    /// The task that polls the stream.
    waker: Option<Waker>,
}

impl<S> FrameInjector<S> {
    pub(super) fn new(stream: S) -> (Self, FrameSender) {
        let queue = Arc::new(Mutex::new(Queue::default()));
        (Self { stream, queue: Arc::clone(&queue) }, FrameSender(queue))
    }
}

impl<S: AsyncWrite + Unpin> FrameInjector<S> {
    fn poll_write_frames(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut queue = lock(&self.queue);
        while !queue.frames.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &queue.frames))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            queue.frames.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl FrameSender {
    /// Sends whole frames.
    pub(super) fn send(&self, frames: Vec<u8>) {
        let mut queue = lock(&self.0);
        queue.frames.extend_from_slice(&frames);
        if let Some(waker) = queue.waker.take() {
            waker.wake();
        }
    }
}

impl Queue {
    fn take_whole_frames(&mut self) {
        while let Some(head) = FrameHead::parse(&self.partial) {
            let length = FrameHead::LENGTH + head.payload_length();
            if self.partial.len() < length {
                return;
            }
            let frame = self.partial.split_to(length);
            self.frames.extend_from_slice(&frame);
        }
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    // A panic elsewhere leaves whole frames.
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for FrameInjector<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // The library always waits to read, so this is where frames of others are noticed.
        lock(&self.queue).waker = Some(cx.waker().clone());
        if let Poll::Ready(Err(error)) = self.poll_write_frames(cx) {
            return Poll::Ready(Err(error));
        }
        if let Poll::Ready(Err(error)) = Pin::new(&mut self.stream).poll_flush(cx) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for FrameInjector<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        // What was taken before leaves first, so the queue holds one write at most.
        ready!(self.poll_write_frames(cx))?;
        {
            let mut queue = lock(&self.queue);
            queue.partial.extend_from_slice(octets);
            queue.take_whole_frames();
        }
        if let Poll::Ready(Err(error)) = self.poll_write_frames(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_frames(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_frames(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
