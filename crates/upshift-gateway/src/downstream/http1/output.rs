//! The queue of bytes to write to a client.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::AsyncWrite;

/// The number of bytes from which on no further response or content is added.
pub(super) const FULL: usize = 16 * 1024;

/// The length from which a piece of content is written without copying it, in bytes. Appending a
/// shorter one to the buffer costs less than another slice in the write (measured on loopback: 5.2
/// µs against 5.4 µs for 1 KiB, and 6.2 µs against 6.1 µs for 16 KiB).
const LONG_PIECE: usize = 8 * 1024;

/// The size of a new buffer, in bytes: most heads fit.
const CAPACITY: usize = 1024;

/// The number of unused buffers that a core keeps, and the largest that it keeps.
const MOST_SPARE: usize = 32;
const LARGEST_SPARE: usize = 4 * FULL;

thread_local! {
    /// The unused buffers of a core.
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes to be written: copied bytes, and after them at most one long piece of content.
#[derive(Default)]
pub(super) struct OutputQueue {
    /// The bytes before `piece`.
    bytes: Vec<u8>,
    /// The number of bytes in `bytes` that were written.
    written: usize,
    piece: Bytes,
    /// The bytes after `piece`.
    tail: Vec<u8>,
    /// The stream accepted bytes that it may not have sent yet: TLS buffers what the socket does
    /// not accept.
    is_unflushed: bool,
}

impl OutputQueue {
    /// Returns true if nothing is left to write.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.piece.is_empty() && self.tail.is_empty()
    }

    /// Returns true if something should be written before more is added.
    pub(super) fn is_full(&self) -> bool {
        !self.piece.is_empty() || self.bytes.len() - self.written >= FULL
    }

    /// The buffer to append to.
    pub(super) fn end(&mut self) -> &mut Vec<u8> {
        let end = if self.piece.is_empty() { &mut self.bytes } else { &mut self.tail };
        if end.capacity() == 0 {
            *end = take_spare();
        }
        end
    }

    /// Appends a piece of content; a long one is not copied. Do not call this while the queue [is
    /// full](Self::is_full).
    pub(super) fn push_piece(&mut self, piece: Bytes) {
        if piece.len() < LONG_PIECE || !self.piece.is_empty() {
            self.end().extend_from_slice(&piece);
        } else {
            self.piece = piece;
        }
    }

    /// Writes and flushes everything.
    pub(super) fn poll_write_to<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut W,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            self.is_unflushed = true;
            let count = ready!(self.poll_write_once(cx, stream))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.remove_written(count);
        }
        if self.is_unflushed {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.is_unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_once<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut W,
    ) -> Poll<io::Result<usize>> {
        let writer = Pin::new(stream);
        let bytes = &self.bytes[self.written..];
        if self.piece.is_empty() {
            return writer.poll_write(cx, bytes);
        }
        if !writer.is_write_vectored() {
            return writer.poll_write(cx, if bytes.is_empty() { &self.piece } else { bytes });
        }
        let slices = [IoSlice::new(bytes), IoSlice::new(&self.piece), IoSlice::new(&self.tail)];
        writer.poll_write_vectored(cx, &slices)
    }

    /// Removes `count` bytes from the front.
    fn remove_written(&mut self, count: usize) {
        let left = self.bytes.len() - self.written;
        if count < left {
            self.written += count;
            return;
        }
        // The tail moves to the front with the last byte of the piece.
        self.bytes.clear();
        self.written = 0;
        let of_piece = (count - left).min(self.piece.len());
        let of_tail = count - left - of_piece;
        drop(self.piece.split_to(of_piece));
        if self.piece.is_empty() {
            // An empty slice would keep its buffer alive.
            self.piece = Bytes::new();
            mem::swap(&mut self.bytes, &mut self.tail);
            self.written = of_tail;
            if self.written == self.bytes.len() {
                self.bytes.clear();
                self.written = 0;
            }
        }
    }

    /// Releases the memory of the queue if it is empty.
    pub(super) fn release_memory(&mut self) {
        if self.is_empty() && !self.is_unflushed {
            give_back(mem::take(&mut self.bytes));
            give_back(mem::take(&mut self.tail));
        }
    }
}

fn take_spare() -> Vec<u8> {
    let spare = SPARE.with_borrow_mut(Vec::pop);
    spare.unwrap_or_else(|| Vec::with_capacity(CAPACITY))
}

fn give_back(buffer: Vec<u8>) {
    if !(1..=LARGEST_SPARE).contains(&buffer.capacity()) {
        return;
    }
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < MOST_SPARE {
            spare.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use std::future::poll_fn;

    use tokio::io::AsyncReadExt;

    use super::*;

    /// Catches bytes that are lost, repeated or reordered when a writer accepts few at a time.
    #[tokio::test]
    async fn bytes_go_out_in_order_however_few_are_taken_at_once() {
        for capacity in [1, 3, 100, 100_000] {
            let (mut near, mut far) = tokio::io::duplex(capacity);
            let mut output = OutputQueue::default();
            output.end().extend_from_slice(b"head");
            output.push_piece(Bytes::from(vec![b'a'; LONG_PIECE]));
            assert!(output.is_full());
            output.end().extend_from_slice(b"\r\n");
            let expected = [&b"head"[..], &vec![b'a'; LONG_PIECE], b"\r\n"].concat();
            let writer = tokio::spawn(async move {
                poll_fn(|cx| output.poll_write_to(cx, &mut near)).await.unwrap();
                assert!(output.is_empty() && !output.is_full());
            });
            let mut received = vec![0; expected.len()];
            far.read_exact(&mut received).await.unwrap();
            writer.await.unwrap();
            assert!(received == expected, "{capacity}");
        }
    }
}
