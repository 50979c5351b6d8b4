//! A client's connection as a byte stream, over cleartext TCP or TLS.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, timeout, timeout_at};
use tokio_rustls::server::TlsStream;

use crate::progress::activity::Activity;

/// The time in which a client has to take the end of a connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The transport of a client's connection.
pub(crate) enum ClientTransport {
    /// TCP.
    Cleartext(TcpStream),
    /// TLS over TCP.
    Tls(Box<TlsStream<TcpStream>>),
}

impl ClientTransport {
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Cleartext(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buffer),
        }
    }
}

/// A client's connection. Reads and writes are recorded in its [`Activity`].
pub(crate) struct ClientStream {
    transport: ClientTransport,
    /// Bytes that were read before, and are read again first.
    early: Bytes,
    activity: Rc<Activity>,
    defer_shutdown: bool,
}

impl ClientStream {
    /// A connection from which nothing was read.
    pub(crate) fn new(transport: ClientTransport, activity: Rc<Activity>) -> Self {
        Self { transport, early: Bytes::new(), activity, defer_shutdown: false }
    }

    /// Puts `bytes` back, to be read again first.
    pub(crate) fn put_back(&mut self, bytes: Bytes) {
        debug_assert!(self.early.is_empty(), "put back twice");
        self.early = bytes;
    }

    /// Makes a shutdown only flush, for the admin listener, which hyper serves: hyper would close
    /// at once, and with unread bytes of a request the kernel would reset the connection, so that
    /// the response is lost. Call [`ClientStream::close_gracefully`] once hyper has ended.
    pub(crate) fn defer_shutdown(&mut self) {
        self.defer_shutdown = true;
    }

    /// Returns the TCP connection; `None` if it carries TLS, or bytes were read ahead.
    pub(crate) fn into_cleartext(self) -> Option<TcpStream> {
        match self.transport {
            ClientTransport::Cleartext(tcp) if self.early.is_empty() => Some(tcp),
            _ => None,
        }
    }

    /// Closes so that the client sees an error, and no end.
    pub(crate) fn close_with_reset(self) {
        let tcp = match &self.transport {
            ClientTransport::Cleartext(tcp) => tcp,
            ClientTransport::Tls(tls) => tls.get_ref().0,
        };
        // Without it, the close would look like any other.
        if let Err(error) = SockRef::from(tcp).set_linger(Some(Duration::ZERO)) {
            tracing::debug!(%error, "a connection is closed and not reset");
        }
    }

    /// Shuts down, discards the bytes that the client is still sending, and closes.
    ///
    /// RFC 9112 §9.6: "the server continues to read from the connection until it receives a
    /// corresponding close by the client, or until the server is reasonably certain that its own
    /// TCP stack has received the client's acknowledgement". `linger` bounds the bytes and the
    /// time; `None` closes at once.
    pub(crate) async fn close_gracefully(mut self, linger: Option<(u64, Duration)>) {
        let shutdown = async {
            match &mut self.transport {
                ClientTransport::Cleartext(tcp) => tcp.shutdown().await,
                ClientTransport::Tls(tls) => tls.shutdown().await,
            }
        };
        // A client that does not read takes no close_notify of TLS either, so waiting for that
        // without a limit could take for ever.
        if !matches!(timeout(CLOSE_TIMEOUT, shutdown).await, Ok(Ok(()))) {
            return;
        }
        let Some((bytes, time)) = linger else { return };
        // Over TLS, too: discarded bytes need not be decrypted.
        let tcp = match self.transport {
            ClientTransport::Cleartext(tcp) => tcp,
            ClientTransport::Tls(tls) => tls.into_inner().0,
        };
        discard_incoming(tcp, bytes, Instant::now() + time).await;
    }
}

/// Reads and discards until the end, `limit` bytes or `deadline`.
async fn discard_incoming(mut tcp: TcpStream, mut limit: u64, deadline: Instant) {
    let mut sink = BytesMut::with_capacity(64 * 1024);
    while limit > 0 {
        sink.clear();
        match timeout_at(deadline, tcp.read_buf(&mut sink)).await {
            Ok(Ok(read)) if read > 0 => limit = limit.saturating_sub(read as u64),
            _ => return,
        }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.early.has_remaining() {
            let length = self.early.len().min(buffer.remaining());
            buffer.put_slice(&self.early.split_to(length));
            if self.early.is_empty() {
                // An empty slice would keep its buffer alive.
                self.early = Bytes::new();
            }
            self.activity.record_read();
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let poll = self.transport.poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.record_read();
        }
        poll
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = match &mut self.transport {
            ClientTransport::Cleartext(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            ClientTransport::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        };
        self.activity.record_write(poll.is_ready());
        poll
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = match &mut self.transport {
            ClientTransport::Cleartext(tcp) => Pin::new(tcp).poll_write_vectored(cx, slices),
            ClientTransport::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, slices),
        };
        self.activity.record_write(poll.is_ready());
        poll
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            ClientTransport::Cleartext(tcp) => tcp.is_write_vectored(),
            ClientTransport::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            ClientTransport::Cleartext(tcp) => Pin::new(tcp).poll_flush(cx),
            ClientTransport::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.defer_shutdown {
            return self.poll_flush(cx);
        }
        match &mut self.transport {
            ClientTransport::Cleartext(tcp) => Pin::new(tcp).poll_shutdown(cx),
            ClientTransport::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
