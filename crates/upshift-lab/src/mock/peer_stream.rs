//! The stream of a client's connection: octets can be put back, and writes made small or joined.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// The octets of one read at least, if they are there: the longest record of TLS (RFC 8446 §5.1).
const READ_SIZE: usize = 16 * 1024;

/// A stream of octets in both directions.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for S {}

/// The stream of a client's connection, with the faults that last.
pub(crate) struct PeerStream {
    io: Box<dyn ByteStream>,
    /// Octets that were read and are still to be used.
    unread: BytesMut,
    /// The most octets of one write.
    write_limit: Option<usize>,
    /// Octets that leave before all others.
    unsent: BytesMut,
    /// True if `unsent` waits for another write.
    is_held: bool,
}

impl PeerStream {
    pub(crate) fn new(io: impl ByteStream + 'static) -> Self {
        Self {
            io: Box::new(io),
            unread: BytesMut::new(),
            write_limit: None,
            unsent: BytesMut::new(),
            is_held: false,
        }
    }

    /// The octets that were read ahead.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.unread
    }

    /// Uses up `count` of the octets that were read ahead.
    pub(crate) fn consume(&mut self, count: usize) {
        self.unread.advance(count);
    }

    /// Takes the octets that were read ahead.
    pub(crate) fn take_unread(&mut self) -> BytesMut {
        self.unread.split()
    }

    /// Puts octets back, to be read again before all others.
    pub(crate) fn put_back(&mut self, octets: &[u8]) {
        let rest = self.unread.split();
        self.unread.extend_from_slice(octets);
        self.unread.extend_from_slice(&rest);
    }

    /// Reads ahead, and returns the number of octets that came: 0 at the end.
    pub(crate) async fn read_ahead(&mut self) -> io::Result<usize> {
        // A read that is smaller than what came would show as two in the record.
        self.unread.reserve(READ_SIZE);
        self.io.read_buf(&mut self.unread).await
    }

    /// Limits the octets of one write from now on.
    pub(crate) fn limit_writes(&mut self, limit: usize) {
        self.write_limit = Some(limit);
    }

    /// Keeps `octets` until the next write, and sends both as one.
    pub(crate) fn hold(&mut self, octets: &[u8]) {
        self.unsent.extend_from_slice(octets);
        self.is_held = true;
    }

    fn poll_send_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let limit = self.write_limit.unwrap_or(usize::MAX).min(self.unsent.len());
            let sent = ready!(Pin::new(&mut self.io).poll_write(cx, &self.unsent[..limit]))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.advance(sent);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buffer);
        }
        let count = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread[..count]);
        self.unread.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_held {
            // Both leave with the next flush, in one write.
            self.is_held = false;
            self.unsent.extend_from_slice(octets);
            return Poll::Ready(Ok(octets.len()));
        }
        ready!(self.poll_send_unsent(cx))?;
        let limit = self.write_limit.unwrap_or(usize::MAX).min(octets.len());
        Pin::new(&mut self.io).poll_write(cx, &octets[..limit])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_held {
            ready!(self.poll_send_unsent(cx))?;
        }
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_held = false;
        ready!(self.poll_send_unsent(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::wire_log::{RecordedStream, WireEvent, WireLog};

    fn sizes_of_writes(log: &WireLog) -> Vec<usize> {
        let mut sizes = Vec::new();
        for entry in log.entries() {
            if let WireEvent::Octets(_, octets) = entry.event {
                sizes.push(octets.len());
            }
        }
        sizes
    }

    #[tokio::test]
    async fn writes_are_limited_and_joined() {
        let (near, mut far) = tokio::io::duplex(64);
        let log = WireLog::begin();
        let mut stream = PeerStream::new(RecordedStream::new(near, log.clone()));
        stream.hold(b"ab");
        stream.flush().await.unwrap();
        assert!(sizes_of_writes(&log).is_empty());
        stream.write_all(b"cd").await.unwrap();
        stream.flush().await.unwrap();
        stream.limit_writes(1);
        stream.write_all(b"ef").await.unwrap();
        assert_eq!(sizes_of_writes(&log), [4, 1, 1]);
        let mut received = [0; 6];
        far.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"abcdef");
    }

    #[tokio::test]
    async fn what_was_put_back_is_read_first() {
        let (near, mut far) = tokio::io::duplex(64);
        far.write_all(b"cd").await.unwrap();
        let mut stream = PeerStream::new(near);
        assert_eq!(stream.read_ahead().await.unwrap(), 2);
        stream.put_back(b"ab");
        stream.consume(1);
        let mut received = [0; 3];
        stream.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"bcd");
    }
}
