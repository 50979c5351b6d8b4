//! A connection whose incoming bytes are watched. The codecs above it bound the size of a response
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

/// How long the head of a response may take from its first byte, unless set.
pub(crate) const HEAD_PATIENCE: Duration = Duration::from_secs(30);

/// What is known of a watched connection. Clones see the same connection.
#[derive(Clone)]
pub(crate) struct HeadWatch(Arc<Shared>);

struct Shared {
    patience: Duration,
    /// Counts the reads that brought bytes, over HTTP/1 only.
    reads: watch::Sender<u64>,
    /// The bound that the server went past, over HTTP/2. The codec above keeps only an error's
    /// text.
    limit: OnceLock<HeadLimit>,
}

impl HeadWatch {
    pub(crate) fn new(patience: Duration) -> Self {
        Self(Arc::new(Shared { patience, reads: watch::Sender::new(0), limit: OnceLock::new() }))
    }

    /// Resolves when bytes come; never over HTTP/2, where they may be another stream's.
    pub(crate) async fn next_bytes(&self) {
        let mut reads = self.0.reads.subscribe();
        // The sender lives in `self`.
        drop(reads.changed().await);
    }

    /// Resolves when a head that begins now has taken too long.
    pub(crate) async fn out_of_time(&self) -> HeadLimit {
        tokio::time::sleep(self.0.patience).await;
        HeadLimit::Time(self.0.patience)
    }

    /// The bound that the server went past.
    pub(crate) fn limit(&self) -> Option<HeadLimit> {
        self.0.limit.get().copied()
    }

    fn fail(&self, limit: HeadLimit) -> io::Error {
        io::Error::other(*self.0.limit.get_or_init(|| limit))
    }
}

/// A time limit that runs while a head is incomplete.
#[derive(Default)]
pub(crate) struct HeadClock(Option<Pin<Box<Sleep>>>);

impl HeadClock {
    /// Starts the clock, or stops it if no head is incomplete.
    pub(crate) fn set(&mut self, incomplete: bool, patience: Duration) {
        if !incomplete {
            self.0 = None;
        } else if self.0.is_none() {
            self.0 = Some(Box::pin(tokio::time::sleep(patience)));
        }
    }

    /// Whether the time is up.
    pub(crate) fn poll_expired(&mut self, cx: &mut Context<'_>) -> bool {
        self.0.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready())
    }
}

/// A connection whose incoming bytes are watched.
pub(crate) struct Watched<T> {
    stream: T,
    watch: HeadWatch,
    http2: Option<Http2>,
}

#[derive(Default)]
struct Http2 {
    heads: Http2Heads,
    clock: HeadClock,
}

impl<T> Watched<T> {
    /// Watches a connection on which HTTP/1 is spoken.
    pub(crate) fn http1(stream: T, watch: HeadWatch) -> Self {
        Self { stream, watch, http2: None }
    }

    /// Watches a connection on which HTTP/2 is spoken from its first byte.
    pub(crate) fn http2(stream: T, watch: HeadWatch) -> Self {
        Self { stream, watch, http2: Some(Http2::default()) }
    }

    /// The connection itself.
    pub(crate) fn inner(&self) -> &T {
        &self.stream
    }

    pub(crate) fn head_watch(&self) -> HeadWatch {
        self.watch.clone()
    }

    fn observe(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(http2) = &mut self.http2 else {
            self.watch.0.reads.send_modify(|reads| *reads += 1);
            return Ok(());
        };
        http2.heads.read(bytes).map_err(|limit| self.watch.fail(limit))?;
        http2.clock.set(http2.heads.is_incomplete(), self.watch.0.patience);
        Ok(())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if let (Poll::Pending, Some(http2)) = (&read, &mut this.http2)
            && http2.clock.poll_expired(cx)
        {
            return Poll::Ready(Err(this.watch.fail(HeadLimit::Time(this.watch.0.patience))));
        }
        ready!(read)?;
        let came = &buffer.filled()[before..];
        Poll::Ready(if came.is_empty() { Ok(()) } else { this.observe(came) })
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
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
