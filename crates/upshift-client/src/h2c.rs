//! HTTP/2 by `Upgrade: h2c` (RFC 7540 §3.2; made obsolete by RFC 9113 §3.1): for servers that know
//! no other way.
//!
//! The library for HTTP/2 knows no such entry: it wants to send the first request itself. So it is
//! let, and the frames of that one request are taken out of what it writes, since the server has
//! read it as HTTP/1.1 already. The server's header table never saw what those frames would have
//! put into it, so the library is kept from using one: it is told that the server allows a table of
//! size 0, before it writes the first header.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, BytesMut};
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use upshift_core::TlsState;
use upshift_core::field::Protocol;
use upshift_http::http2::{ACK, CONTINUATION, END_HEADERS, FrameHead, HEADERS, PREFACE, SETTINGS};

use crate::checked_body::checked;
use crate::connect::{Connector, PATIENCE};
use crate::switch::{Switched, switch};
use crate::transport::Incoming;
use crate::watched::Watched;
use crate::{Body, BoxError, ConnectionInfo};

/// `HTTP2-Settings`: the payload of a SETTINGS frame with ENABLE_PUSH = 0, in base64url without
/// padding.
const HTTP2_SETTINGS: HeaderValue = HeaderValue::from_static("AAIAAAAA");

/// Sends one request on a connection of its own that was switched to HTTP/2 first.
pub(crate) async fn send(
    connector: Connector,
    request: Request<Body>,
) -> Result<Response<Incoming>, BoxError> {
    let uri = request.uri().clone();
    let field = (HeaderName::from_static("http2-settings"), HTTP2_SETTINGS);
    let watch = connector.head_watch();
    // The server may send its preface right behind the 101.
    let Switched { tcp, ahead } =
        switch(connector, &uri, Protocol::new("h2c", None)?, Some(field)).await?;

    let settled = Arc::new(Notify::new());
    let stream = Spliced::new(tcp, BytesMut::from(&ahead[..]), Arc::clone(&settled));
    let stream = TokioIo::new(Watched::http2(stream, watch.clone()));
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
    tokio::spawn(connection);
    tokio::time::timeout(PATIENCE, settled.notified())
        .await
        .map_err(|_| "the server sent no SETTINGS after its 101")?;
    // Stream 1 is the request that asked for the switch; its answer is owed there and is nobody's.
    // The real request goes out right behind it: a server may close a connection that lies idle.
    let asked = Request::builder().method(Method::OPTIONS).uri(root(&uri)?).body(Body::empty())?;
    let owed = sender.send_request(asked);
    tokio::spawn(async move { owed.await?.into_body().collect().await });
    sender.ready().await?;
    let method = request.method().clone();
    let response = sender.send_request(request).await;
    let response = response.map_err(|error| watch.limit().map_or(error.into(), BoxError::from))?;
    let mut response = checked(response, &method)?;
    response.extensions_mut().insert(ConnectionInfo { tls: TlsState::Cleartext });
    Ok(response)
}

fn root(uri: &Uri) -> Result<Uri, BoxError> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some("/".parse()?);
    Ok(Uri::from_parts(parts)?)
}

/// The connection between the library and the server.
struct Spliced {
    tcp: TcpStream,
    incoming: BytesMut,
    outgoing: BytesMut,
    /// What is written and not yet a whole frame.
    partial: BytesMut,
    /// Whether the server's first SETTINGS have been changed and handed on.
    changed: bool,
    /// How much of those SETTINGS is still to be handed on.
    first: usize,
    /// Who waits to read on, until the library has opened stream 1: an answer on a stream that it
    /// does not know yet is a connection error to it (RFC 9113 §5.1).
    held: Option<Waker>,
    settled: Arc<Notify>,
    writing: Writing,
}

#[derive(PartialEq, Eq)]
enum Writing {
    Preface,
    Frames,
    /// The first request is out of the way: what is written is sent.
    Through,
}

impl Spliced {
    fn new(tcp: TcpStream, incoming: BytesMut, settled: Arc<Notify>) -> Self {
        let (outgoing, partial) = (BytesMut::new(), BytesMut::new());
        Self {
            tcp,
            incoming,
            outgoing,
            partial,
            changed: false,
            first: 0,
            held: None,
            settled,
            writing: Writing::Preface,
        }
    }

    /// Appends `SETTINGS_HEADER_TABLE_SIZE = 0` to the server's first SETTINGS frame, once it is
    /// there whole. The last value of a setting counts (RFC 9113 §6.5).
    fn change_settings(&mut self) -> io::Result<bool> {
        let Some(head) = FrameHead::parse(&self.incoming) else { return Ok(false) };
        // RFC 7540 §3.2: "The first HTTP/2 frame sent by the server MUST be a server connection
        // preface", SETTINGS.
        if head.kind != SETTINGS || head.flags != 0 || head.length > 1024 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the server's first frame is not SETTINGS",
            ));
        }
        let end = FrameHead::LENGTH + head.payload_length();
        if self.incoming.len() < end {
            return Ok(false);
        }
        let longer = FrameHead { length: head.length + 6, ..head };
        let rest = self.incoming.split_off(end);
        self.incoming[..FrameHead::LENGTH].copy_from_slice(&longer.to_bytes());
        self.incoming.extend_from_slice(&[0, 1, 0, 0, 0, 0]);
        self.first = self.incoming.len();
        self.incoming.unsplit(rest);
        self.changed = true;
        Ok(true)
    }

    /// Moves whole frames from `partial` to `outgoing`, without the headers of stream 1.
    fn sort_frames(&mut self) {
        if self.writing == Writing::Preface && self.partial.len() >= PREFACE.len() {
            self.outgoing.extend_from_slice(&self.partial.split_to(PREFACE.len()));
            self.writing = Writing::Frames;
        }
        while self.writing == Writing::Frames {
            let Some(head) = FrameHead::parse(&self.partial) else { return };
            let end = FrameHead::LENGTH + head.payload_length();
            if self.partial.len() < end {
                return;
            }
            let frame = self.partial.split_to(end);
            match (head.kind, head.stream) {
                (HEADERS | CONTINUATION, 1) if head.flags & END_HEADERS != 0 => {
                    self.writing = Writing::Through;
                    self.held.take().into_iter().for_each(Waker::wake);
                }
                (HEADERS | CONTINUATION, 1) => {}
                _ => self.outgoing.extend_from_slice(&frame),
            }
            // The acknowledgement of the changed SETTINGS: they hold from here on.
            if head.kind == SETTINGS && head.flags & ACK != 0 {
                self.settled.notify_one();
            }
        }
        if self.writing == Writing::Through {
            let rest = self.partial.split();
            self.outgoing.extend_from_slice(&rest);
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
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

impl AsyncRead for Spliced {
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
        if self.first == 0 && self.writing != Writing::Through {
            self.held = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if self.incoming.is_empty() {
            return Pin::new(&mut self.tcp).poll_read(cx, buffer);
        }
        let whole = if self.first > 0 { self.first } else { self.incoming.len() };
        let taken = whole.min(buffer.remaining());
        buffer.put_slice(&self.incoming.split_to(taken));
        self.first = self.first.saturating_sub(taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Spliced {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_drain(cx))?;
        if self.writing == Writing::Through && self.partial.is_empty() {
            return Pin::new(&mut self.tcp).poll_write(cx, bytes);
        }
        self.partial.extend_from_slice(bytes);
        self.sort_frames();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
