//! The stream between the HTTP/2 library and a server that was switched to HTTP/2.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use upshift_http::http2::{
    ACK, CONTINUATION, END_HEADERS, FrameHead, HEADER_TABLE_SIZE, HEADERS, PREFACE, SETTINGS,
};

/// The longest first SETTINGS frame that is accepted from a server. It has room for 170 settings.
const MAX_SETTINGS: u32 = 1024;

/// A connection that removes the library's first request from its output and changes the server's
/// first SETTINGS. The module [`h2c`](crate::h2c) explains why.
pub(crate) struct SplicedStream {
    tcp: TcpStream,
    incoming: BytesMut,
    outgoing: BytesMut,
    /// The written bytes that are not a complete frame yet.
    partial: BytesMut,
    /// The server's first SETTINGS frame has been changed.
    changed: bool,
    /// The number of bytes of that frame which the library has not read yet.
    settings_left: usize,
    /// The task that waits to read on until the library has opened stream 1. A response on a stream
    /// that it does not know yet would be a connection error (RFC 9113 §5.1).
    held: Option<Waker>,
    /// Notified when the library has acknowledged the changed SETTINGS.
    settled: Arc<Notify>,
    state: WriteState,
}

#[derive(PartialEq, Eq)]
enum WriteState {
    Preface,
    Frames,
    /// The first request has been removed: everything that is written is sent.
    PassThrough,
}

impl SplicedStream {
    /// `incoming` holds the bytes that arrived right after the 101.
    pub(crate) fn new(tcp: TcpStream, incoming: BytesMut, settled: Arc<Notify>) -> Self {
        let (outgoing, partial) = (BytesMut::new(), BytesMut::new());
        Self {
            tcp,
            incoming,
            outgoing,
            partial,
            changed: false,
            settings_left: 0,
            held: None,
            settled,
            state: WriteState::Preface,
        }
    }

    /// Appends `SETTINGS_HEADER_TABLE_SIZE = 0` to the server's first SETTINGS frame, once it has
    /// arrived completely; then returns true. The last value of a setting counts (RFC 9113 §6.5).
    fn change_settings(&mut self) -> io::Result<bool> {
        let Some(head) = FrameHead::parse(&self.incoming) else { return Ok(false) };
        // RFC 7540 §3.2: "The first HTTP/2 frame sent by the server MUST be a server connection
        // preface", SETTINGS.
        if head.kind != SETTINGS || head.flags != 0 || head.length > MAX_SETTINGS {
            let text = "the server's first frame is not SETTINGS";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let end = FrameHead::LENGTH + head.payload_length();
        if self.incoming.len() < end {
            return Ok(false);
        }
        // RFC 9113 §6.5.1: a setting has an identifier of two bytes and a value of four.
        let longer = FrameHead { length: head.length + 6, ..head };
        let rest = self.incoming.split_off(end);
        self.incoming[..FrameHead::LENGTH].copy_from_slice(&longer.to_bytes());
        self.incoming.extend_from_slice(&HEADER_TABLE_SIZE.to_be_bytes());
        self.incoming.extend_from_slice(&0_u32.to_be_bytes());
        self.settings_left = self.incoming.len();
        self.incoming.unsplit(rest);
        self.changed = true;
        Ok(true)
    }

    /// Moves complete frames from `partial` to `outgoing`, without the field section of stream 1.
    fn sort_frames(&mut self) {
        if self.state == WriteState::Preface && self.partial.len() >= PREFACE.len() {
            self.outgoing.extend_from_slice(&self.partial.split_to(PREFACE.len()));
            self.state = WriteState::Frames;
        }
        while self.state == WriteState::Frames {
            let Some(head) = FrameHead::parse(&self.partial) else { return };
            let end = FrameHead::LENGTH + head.payload_length();
            if self.partial.len() < end {
                return;
            }
            let frame = self.partial.split_to(end);
            match (head.kind, head.stream) {
                (HEADERS | CONTINUATION, 1) if head.flags & END_HEADERS != 0 => {
                    self.state = WriteState::PassThrough;
                    if let Some(waker) = self.held.take() {
                        waker.wake();
                    }
                }
                (HEADERS | CONTINUATION, 1) => {}
                _ => self.outgoing.extend_from_slice(&frame),
            }
            // The library has acknowledged the changed SETTINGS, so they apply from here on.
            if head.kind == SETTINGS && head.flags & ACK != 0 {
                self.settled.notify_one();
            }
        }
        if self.state == WriteState::PassThrough {
            let rest = self.partial.split();
            self.outgoing.extend_from_slice(&rest);
        }
    }

    fn poll_send_outgoing(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.is_empty() {
            let written = ready!(Pin::new(&mut self.tcp).poll_write(cx, &self.outgoing))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outgoing.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for SplicedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.changed && !self.change_settings()? {
            let mut chunk = [0; 1024];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.incoming.extend_from_slice(read.filled());
        }
        if self.settings_left == 0 && self.state != WriteState::PassThrough {
            self.held = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if self.incoming.is_empty() {
            return Pin::new(&mut self.tcp).poll_read(cx, buffer);
        }
        let readable =
            if self.settings_left > 0 { self.settings_left } else { self.incoming.len() };
        let taken = readable.min(buffer.remaining());
        buffer.put_slice(&self.incoming.split_to(taken));
        self.settings_left = self.settings_left.saturating_sub(taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SplicedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Nothing is accepted before the last write is out: otherwise the buffers could grow.
        ready!(self.poll_send_outgoing(cx))?;
        if self.state == WriteState::PassThrough && self.partial.is_empty() {
            return Pin::new(&mut self.tcp).poll_write(cx, bytes);
        }
        self.partial.extend_from_slice(bytes);
        self.sort_frames();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send_outgoing(cx))?;
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send_outgoing(cx))?;
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
