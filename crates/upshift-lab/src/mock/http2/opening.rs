//! The opening of stream 1 after `Upgrade: h2c` (RFC 7540 §3.2), for a library that knows none.
//!
//! The library gets what the client sends, and after the client's first frame, which is its
//! SETTINGS, a HEADERS frame that opens stream 1 half-closed. The `HTTP2-Settings` of the request
//! are not applied: the client repeats them in that frame.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use upshift_http::http2::{END_HEADERS, END_STREAM, FrameHead, HEADERS, PREFACE};

use super::frames::put_frame;

/// A stream that adds the opening of stream 1 to what is read.
pub(super) struct StreamOneReader<S> {
    stream: S,
    state: State,
}

enum State {
    /// The preface and the first frame are read octet by octet into this buffer.
    Opening { received: BytesMut, headers: Vec<u8> },
    /// These octets are to be read, then the rest of the stream.
    Replaying(BytesMut),
    /// The stream is read as it is.
    Passing,
}

impl<S> StreamOneReader<S> {
    /// The stream as it is.
    pub(super) fn passing(stream: S) -> Self {
        Self { stream, state: State::Passing }
    }

    /// The stream with a stream 1, opened with `method`.
    pub(super) fn after_switch(stream: S, method: &[u8]) -> Self {
        let mut headers = Vec::new();
        // RFC 7541 Appendix A: 0x82 and 0x83 are GET and POST, 0x86 is http and 0x84 is `/`. The
        // request itself is known from HTTP/1.1; the library only needs the method, because a
        // response to HEAD has no content.
        let section = match method {
            b"GET" => vec![0x82, 0x86, 0x84],
            b"HEAD" => [b"\x02\x04HEAD", &[0x86, 0x84][..]].concat(),
            _ => vec![0x83, 0x86, 0x84],
        };
        put_frame(&mut headers, HEADERS, END_STREAM | END_HEADERS, 1, &section);
        Self { stream, state: State::Opening { received: BytesMut::new(), headers } }
    }
}

/// The number of octets that are still missing from the preface and the first frame.
fn missing_octets(received: &[u8]) -> usize {
    let frame_start = PREFACE.len();
    let known = match received.get(frame_start..).and_then(FrameHead::parse) {
        Some(head) => frame_start + FrameHead::LENGTH + head.payload_length(),
        None => frame_start + FrameHead::LENGTH,
    };
    known.saturating_sub(received.len())
}

impl<S: AsyncRead + Unpin> AsyncRead for StreamOneReader<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, state } = &mut *self;
        if let State::Opening { received, headers } = state {
            // Ends: each turn reads at least one of a known number of octets.
            while missing_octets(received) > 0 {
                let mut space = [0; 1024];
                let limit = missing_octets(received).min(space.len());
                let mut part = ReadBuf::new(&mut space[..limit]);
                ready!(Pin::new(&mut *stream).poll_read(cx, &mut part))?;
                if part.filled().is_empty() {
                    break;
                }
                received.extend_from_slice(part.filled());
            }
            let mut opening = std::mem::take(received);
            if missing_octets(&opening) == 0 {
                opening.extend_from_slice(headers);
            }
            *state = State::Replaying(opening);
        }
        if let State::Replaying(octets) = state {
            let count = octets.len().min(buffer.remaining());
            buffer.put_slice(&octets[..count]);
            octets.advance(count);
            if octets.is_empty() {
                *state = State::Passing;
            }
            if count > 0 {
                return Poll::Ready(Ok(()));
            }
        }
        Pin::new(stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StreamOneReader<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
