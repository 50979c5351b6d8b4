//! The bytes that were read from a connection and not yet consumed.

use std::cell::Cell;
use std::io;
use std::mem;
use std::ops::Range;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncReadExt;

use crate::upstream::connect::UpstreamStream;

/// The size of a read in bytes, unless the previous read filled the buffer.
const FIRST_READ: usize = 16 * 1024;
/// The size of a read of long content, in bytes.
const LONG_READ: usize = 64 * 1024;
/// The length up to which content is copied out of the buffer, in bytes. A slice costs as much, for
/// its reference count, and keeps the buffer in use until the client has read it.
const MOST_COPIED: usize = 4 * 1024;

thread_local! {
    /// The buffer of the core's last exchange, to be reused for the next one.
    static SPARE: Cell<BytesMut> = Cell::new(BytesMut::new());
}

/// The bytes that were read and not yet consumed. An idle connection holds no buffer.
#[derive(Default)]
pub(super) struct ReceivedBytes {
    bytes: BytesMut,
    /// The last read filled the buffer.
    has_more: bool,
    /// The upstream sends nothing after these bytes.
    ended: bool,
}

impl ReceivedBytes {
    /// The bytes.
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns true if there are no bytes, and the upstream may send more.
    pub(super) fn is_open_and_empty(&self) -> bool {
        self.bytes.is_empty() && !self.ended
    }

    /// Returns true if the upstream has closed its direction.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Reads more.
    pub(super) fn poll_fill(
        &mut self,
        stream: &mut UpstreamStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.bytes.capacity() == 0 {
            self.bytes = SPARE.take();
        }
        self.bytes.reserve(if self.has_more { LONG_READ } else { FIRST_READ });
        let room = self.bytes.capacity() - self.bytes.len();
        let polled = pin!(stream.read_buf(&mut self.bytes)).poll(cx);
        if polled.is_pending() && self.bytes.is_empty() {
            // An exchange that waits for its response needs no buffer.
            self.release_buffer();
        }
        let read = ready!(polled)?;
        self.has_more = read == room;
        self.ended = read == 0;
        Poll::Ready(Ok(()))
    }

    /// Removes the first `length` bytes.
    pub(super) fn consume(&mut self, length: usize) {
        self.bytes.advance(length);
    }

    /// Removes the first `length` bytes, and returns those in `range`.
    pub(super) fn take_range(&mut self, range: Range<usize>, length: usize) -> Bytes {
        if range.len() <= MOST_COPIED {
            let copied = Bytes::copy_from_slice(&self.bytes[range]);
            self.bytes.advance(length);
            return copied;
        }
        let mut taken = self.bytes.split_to(length);
        taken.truncate(range.end);
        taken.advance(range.start);
        taken.freeze()
    }

    /// Removes everything.
    pub(super) fn take_all(&mut self) -> Bytes {
        let length = self.bytes.len();
        self.take_range(0..length, length)
    }

    /// Releases the buffer. Unconsumed bytes are lost.
    pub(super) fn release_buffer(&mut self) {
        let mut buffer = mem::take(&mut self.bytes);
        buffer.clear();
        // This fails while a slice of it is still queued for a client.
        if buffer.try_reclaim(FIRST_READ) {
            SPARE.set(buffer);
        }
        self.has_more = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(bytes: &[u8]) -> ReceivedBytes {
        ReceivedBytes { bytes: BytesMut::from(bytes), ..ReceivedBytes::default() }
    }

    /// Catches bytes of content that are lost or repeated, copied or not.
    #[test]
    fn a_piece_is_taken_out_of_its_frame() {
        for length in [3, MOST_COPIED, MOST_COPIED + 1, 3 * MOST_COPIED] {
            let content = vec![b'c'; length];
            let framed = [b"<<", &content[..], b">>", b"rest"].concat();
            let mut received = holding(&framed);
            let piece = received.take_range(2..2 + length, length + 4);
            assert_eq!(piece, content);
            assert_eq!(received.as_slice(), b"rest");
            received.consume(1);
            assert_eq!(received.take_all(), "est");
        }
    }

    /// Catches a buffer that is reused while a slice of it is still queued for a client.
    #[test]
    fn a_shared_buffer_is_not_used_again() {
        let content = vec![b'c'; 2 * FIRST_READ];
        let mut received = holding(&content);
        let piece = received.take_all();
        received.release_buffer();
        let mut next = ReceivedBytes { bytes: SPARE.take(), ..ReceivedBytes::default() };
        next.bytes.resize(2 * FIRST_READ, b'x');
        assert_eq!(piece, content);
    }
}
