//! Read buffers that exist only while bytes are read: an idle connection holds none.

use std::cell::RefCell;
use std::io;
use std::mem;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The size of a buffer for the head of a message, in bytes. Most heads are far shorter.
const SIZE: usize = 8 * 1024;

/// The least room for a read into a buffer that holds bytes already.
const LEAST_ROOM: usize = 1024;

/// The number of unused buffers that a core keeps.
const MOST_SPARE: usize = 32;

thread_local! {
    /// The unused buffers of a core.
    static SPARE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// Reads once and appends to `received`, which has memory only while it holds bytes.
///
/// If the socket is known not to be ready, this makes no system call.
pub(super) fn poll_receive<S: AsyncRead + Unpin>(
    stream: &mut S,
    received: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    if received.is_empty() && received.capacity() < SIZE {
        release(received);
        *received = take_spare();
    } else if received.capacity() - received.len() < LEAST_ROOM {
        received.reserve(SIZE);
    }
    let polled = pin!(stream.read_buf(received)).poll(cx);
    release(received);
    polled
}

/// Reads once, into a buffer of at least `room` bytes.
pub(super) fn poll_receive_large<S: AsyncRead + Unpin>(
    stream: &mut S,
    received: &mut BytesMut,
    room: usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    received.reserve(room);
    let polled = pin!(stream.read_buf(received)).poll(cx);
    release(received);
    polled
}

/// Releases the memory of a buffer without bytes.
pub(super) fn release(received: &mut BytesMut) {
    if !received.is_empty() || received.capacity() == 0 {
        return;
    }
    let mut unused = mem::take(received);
    // This fails while a part of the buffer is in use, which then frees the memory.
    if unused.capacity() <= SIZE && unused.try_reclaim(SIZE) {
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < MOST_SPARE {
                spare.push(unused);
            }
        });
    }
}

fn take_spare() -> BytesMut {
    let spare = SPARE.with_borrow_mut(Vec::pop);
    spare.unwrap_or_else(|| BytesMut::with_capacity(SIZE))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use std::future::poll_fn;

    use super::*;

    /// Catches an idle connection that keeps its buffer.
    #[tokio::test]
    async fn a_buffer_without_bytes_has_no_memory() {
        let (mut near, mut far) = tokio::io::duplex(64);
        let mut received = BytesMut::new();
        let pending =
            poll_fn(|cx| Poll::Ready(poll_receive(&mut near, &mut received, cx).is_pending()));
        assert!(pending.await);
        assert_eq!(received.capacity(), 0);
        tokio::io::AsyncWriteExt::write_all(&mut far, b"GET /").await.unwrap();
        let count = poll_fn(|cx| poll_receive(&mut near, &mut received, cx)).await.unwrap();
        assert_eq!((count, &received[..]), (5, &b"GET /"[..]));
        let head = received.split().freeze();
        release(&mut received);
        assert_eq!((received.capacity(), &head[..]), (0, &b"GET /"[..]));
    }
}
