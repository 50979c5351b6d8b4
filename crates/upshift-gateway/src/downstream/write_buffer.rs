//! A stream that collects what is written to it until it is flushed.

use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The number of bytes from which a write waits until the bytes before it were written.
const FULL: usize = 64 * 1024;

/// A stream that collects what is written to it until it is flushed.
///
/// h2 writes each DATA frame of more than a few hundred bytes by itself if the stream takes several
/// slices at once, and flushes after it. This stream takes one slice, so that h2 copies shorter
/// frames behind each other (up to 1 KiB) and flushes once for all; and the header and the content
/// of a longer frame leave in one write, and in one record of TLS.
pub(super) struct WriteBuffer<S> {
    stream: S,
    bytes: Vec<u8>,
    /// The number of bytes of `bytes` that were written.
    written: usize,
}

impl<S: AsyncWrite + Unpin> WriteBuffer<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, bytes: Vec::new(), written: 0 }
    }

    /// Writes the collected bytes.
    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.bytes.len() {
            let rest = &self.bytes[self.written..];
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
        // An idle connection has no buffer.
        drop(mem::take(&mut self.bytes));
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteBuffer<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.bytes.len() >= FULL {
            ready!(self.poll_write_out(cx))?;
        }
        self.bytes.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_out(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_out(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteBuffer<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Catches bytes that are written before the flush, lost, repeated, or in another order.
    #[tokio::test]
    async fn bytes_wait_for_the_flush_and_keep_their_order() {
        for capacity in [1, 7, 100_000, 1_000_000] {
            let (near, mut far) = tokio::io::duplex(capacity);
            let mut stream = WriteBuffer::new(near);
            stream.write_all(b"first ").await.unwrap();
            stream.write_all(b"second ").await.unwrap();
            let mut early = [0; 1];
            let polled = tokio::select! {
                biased;
                read = far.read(&mut early) => Some(read),
                () = std::future::ready(()) => None,
            };
            assert!(polled.is_none(), "nothing is flushed yet");
            let long = vec![b'x'; FULL + 1];
            let writing = async {
                stream.write_all(&long).await.unwrap();
                // The buffer is full: this waits for the bytes before it.
                stream.write_all(b"end").await.unwrap();
                stream.shutdown().await.unwrap();
            };
            let mut received = Vec::new();
            let (_, read) = tokio::join!(writing, far.read_to_end(&mut received));
            read.unwrap();
            let expected = [&b"first second "[..], &long, b"end"].concat();
            assert!(received == expected, "{capacity}");
        }
    }
}
