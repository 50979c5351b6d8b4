//! The queue of bytes to write to the upstream.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;
use upshift_http1::ContentFrame;

use crate::upstream::connect::UpstreamStream;

/// The length up to which a piece of content is appended to the buffer. Longer pieces are cheaper
/// to write from their own memory.
const MOST_COPIED: usize = 8 * 1024;

/// The largest buffer that is kept for the next request, in bytes.
const MOST_KEPT: usize = 32 * 1024;

thread_local! {
    /// The buffer of the core's last request, to be reused for the next one.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Bytes to be written, in this order: the buffer, a long piece, the end of its frame.
#[derive(Default)]
pub(super) struct OutgoingBytes {
    buffer: Vec<u8>,
    /// The number of bytes in `buffer` that were written.
    written: usize,
    piece: Bytes,
    suffix: &'static [u8],
    /// Something was written since the last flush.
    unflushed: bool,
    /// Something of the request was written.
    has_begun: bool,
}

impl OutgoingBytes {
    /// Begins the next request, and returns the buffer for its head.
    pub(super) fn begin_request(&mut self) -> &mut Vec<u8> {
        self.has_begun = false;
        self.take_buffer()
    }

    /// The buffer for the end of a request.
    pub(super) fn take_buffer(&mut self) -> &mut Vec<u8> {
        if self.buffer.capacity() == 0 {
            self.buffer = SPARE.take();
        }
        &mut self.buffer
    }

    /// Returns true if another piece can be added before the next write.
    pub(super) fn takes_piece(&self) -> bool {
        self.piece.is_empty() && self.buffer.len() < MOST_COPIED
    }

    /// Returns true if a byte of the request was written.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Adds a piece of content.
    pub(super) fn put_piece(&mut self, frame: ContentFrame, piece: Bytes) {
        let buffer = self.take_buffer();
        buffer.extend_from_slice(frame.prefix());
        if piece.len() <= MOST_COPIED {
            buffer.extend_from_slice(&piece);
            buffer.extend_from_slice(frame.suffix());
        } else {
            self.piece = piece;
            self.suffix = frame.suffix();
        }
    }

    /// Writes everything, and flushes.
    pub(super) fn poll_write(
        &mut self,
        stream: &mut UpstreamStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.has_unwritten() {
            let written = ready!(self.poll_write_some(stream, cx))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            (self.has_begun, self.unflushed) = (true, true);
            self.remove_written(written);
        }
        self.release_buffer();
        if self.unflushed {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn has_unwritten(&self) -> bool {
        self.written < self.buffer.len() || !self.piece.is_empty() || !self.suffix.is_empty()
    }

    fn poll_write_some(
        &self,
        stream: &mut UpstreamStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let buffered = &self.buffer[self.written..];
        if self.piece.is_empty() && self.suffix.is_empty() {
            return Pin::new(stream).poll_write(cx, buffered);
        }
        let slices = [buffered, &self.piece, self.suffix].map(IoSlice::new);
        Pin::new(stream).poll_write_vectored(cx, &slices)
    }

    fn remove_written(&mut self, count: usize) {
        let of_buffer = count.min(self.buffer.len() - self.written);
        self.written += of_buffer;
        let of_piece = (count - of_buffer).min(self.piece.len());
        self.piece.advance(of_piece);
        self.suffix = &self.suffix[count - of_buffer - of_piece..];
    }

    /// Releases the buffer. Unwritten bytes are lost.
    pub(super) fn release_buffer(&mut self) {
        let mut buffer = mem::take(&mut self.buffer);
        (self.written, self.piece, self.suffix) = (0, Bytes::new(), &[]);
        if (1..=MOST_KEPT).contains(&buffer.capacity()) {
            buffer.clear();
            SPARE.set(buffer);
        }
    }
}
