//! A connection whose incoming bytes are watched. The codecs above it limit the size of a response
//! head, but neither the time that it takes nor, over HTTP/2, the number of interim ones.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::Sleep;

use crate::head_limit::HeadLimit;
use crate::http2_heads::Http2Heads;

/// The time that the head of a response may take from its first byte, by default.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// A handle to a watched connection. Clones see the same connection.
#[derive(Clone)]
pub(crate) struct HeadWatch(Arc<HeadWatchState>);

struct HeadWatchState {
    timeout: Duration,
    /// Counts the reads that brought bytes, over HTTP/1 only.
    reads: watch::Sender<u64>,
    /// The limit that the server exceeded, over HTTP/2. It is kept here because the codec above
    /// keeps only the text of an I/O error.
    exceeded: OnceLock<HeadLimit>,
}

impl HeadWatch {
    pub(crate) fn new(timeout: Duration) -> Self {
        let (reads, exceeded) = (watch::Sender::new(0), OnceLock::new());
        Self(Arc::new(HeadWatchState { timeout, reads, exceeded }))
    }

    /// Resolves when bytes arrive; never over HTTP/2, where they may be another stream's.
    pub(crate) async fn next_bytes(&self) {
        let mut reads = self.0.reads.subscribe();
        // This cannot fail: the sender lives in `self`.
        drop(reads.changed().await);
    }

    /// Resolves when a head that begins now has taken too long.
    pub(crate) async fn out_of_time(&self) -> HeadLimit {
        tokio::time::sleep(self.0.timeout).await;
        HeadLimit::Time(self.0.timeout)
    }

    /// The limit that the server exceeded over HTTP/2.
    pub(crate) fn exceeded_limit(&self) -> Option<HeadLimit> {
        self.0.exceeded.get().copied()
    }

    fn fail_with(&self, limit: HeadLimit) -> io::Error {
        io::Error::other(*self.0.exceeded.get_or_init(|| limit))
    }
}

/// A time limit that runs while a head is incomplete.
#[derive(Default)]
pub(crate) struct HeadClock(Option<Pin<Box<Sleep>>>);

impl HeadClock {
    /// Starts the clock, or stops it if no head is incomplete.
    pub(crate) fn set_running(&mut self, incomplete: bool, timeout: Duration) {
        if !incomplete {
            self.0 = None;
        } else if self.0.is_none() {
            self.0 = Some(Box::pin(tokio::time::sleep(timeout)));
        }
    }

    /// Returns true if the time is up, and registers the task to be woken then.
    pub(crate) fn poll_expired(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.0 {
            Some(sleep) => sleep.as_mut().poll(cx).is_ready(),
            None => false,
        }
    }
}

/// A connection whose incoming bytes are watched.
pub(crate) struct HeadLimitedStream<T> {
    stream: T,
    watch: HeadWatch,
    http2: Option<Http2Watch>,
}

#[derive(Default)]
struct Http2Watch {
    heads: Http2Heads,
    clock: HeadClock,
}

impl<T> HeadLimitedStream<T> {
    /// Watches a connection that speaks HTTP/1.
    pub(crate) fn over_http1(stream: T, watch: HeadWatch) -> Self {
        Self { stream, watch, http2: None }
    }

    /// Watches a connection that speaks HTTP/2 from its first byte.
    pub(crate) fn over_http2(stream: T, watch: HeadWatch) -> Self {
        Self { stream, watch, http2: Some(Http2Watch::default()) }
    }

    /// The connection itself.
    pub(crate) fn inner(&self) -> &T {
        &self.stream
    }

    pub(crate) fn head_watch(&self) -> HeadWatch {
        self.watch.clone()
    }

    fn observe_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(http2) = &mut self.http2 else {
            // `send` fails, and counts nothing, while no request waits for bytes.
            self.watch.0.reads.send_modify(|reads| *reads += 1);
            return Ok(());
        };
        http2.heads.read_bytes(bytes).map_err(|limit| self.watch.fail_with(limit))?;
        http2.clock.set_running(http2.heads.is_incomplete(), self.watch.0.timeout);
        Ok(())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for HeadLimitedStream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buffer);
        // Bytes that have arrived are read first, because they may end the head in time.
        if read.is_pending()
            && let Some(http2) = &mut this.http2
            && http2.clock.poll_expired(cx)
        {
            let limit = HeadLimit::Time(this.watch.0.timeout);
            return Poll::Ready(Err(this.watch.fail_with(limit)));
        }
        ready!(read)?;
        let arrived = &buffer.filled()[before..];
        // No bytes are the end of the stream.
        Poll::Ready(if arrived.is_empty() { Ok(()) } else { this.observe_bytes(arrived) })
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for HeadLimitedStream<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
