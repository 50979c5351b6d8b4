//! TCP and TLS connections for hyper's pool.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Uri, uri::Scheme};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tower_service::Service;
use upshift_core::TlsState;

use crate::BoxError;
use crate::head_limited_stream::{HeadLimitedStream, HeadWatch};
use crate::route::ConnectionSecurity;
use crate::tls::{HANDSHAKE_TIMEOUT, security_of, start_tls};

/// Opens connections to origins.
#[derive(Clone)]
pub(crate) struct OriginConnector {
    tcp: HttpConnector,
    tls: Arc<ClientConfig>,
    head_timeout: Duration,
    /// HTTP/2 is spoken from the first byte of a cleartext connection.
    prior_knowledge: bool,
}

impl OriginConnector {
    pub(crate) fn new(tls: Arc<ClientConfig>, head_timeout: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        // hyper's connector would refuse `https` URLs, for which TLS is added here.
        tcp.enforce_http(false);
        // The last small frame of a request must not wait for an acknowledgement (RFC 896).
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(HANDSHAKE_TIMEOUT));
        Self { tcp, tls, head_timeout, prior_knowledge: false }
    }

    /// Sets whether HTTP/2 is spoken from the first byte of cleartext connections.
    pub(crate) fn with_prior_knowledge(self, prior_knowledge: bool) -> Self {
        Self { prior_knowledge, ..self }
    }

    /// A watch for one more connection.
    pub(crate) fn new_head_watch(&self) -> HeadWatch {
        HeadWatch::new(self.head_timeout)
    }

    /// Opens a cleartext connection outside any pool.
    pub(crate) async fn connect_cleartext(mut self, uri: Uri) -> Result<TcpStream, BoxError> {
        std::future::poll_fn(|cx| self.tcp.poll_ready(cx)).await?;
        Ok(self.tcp.call(uri).await?.into_inner())
    }
}

impl Service<Uri> for OriginConnector {
    type Response = MaybeTlsStream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<MaybeTlsStream, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let is_secure = uri.scheme() == Some(&Scheme::HTTPS);
        // Without a host, the connector below fails before the name is used.
        let host = uri.host().unwrap_or_default().to_owned();
        let (config, watch) = (Arc::clone(&self.tls), self.new_head_watch());
        let prior_knowledge = self.prior_knowledge;
        let connecting = self.tcp.call(uri);
        Box::pin(async move {
            let tcp = connecting.await?.into_inner();
            if !is_secure {
                let watched = match prior_knowledge {
                    true => HeadLimitedStream::over_http2(tcp, watch),
                    false => HeadLimitedStream::over_http1(tcp, watch),
                };
                return Ok(MaybeTlsStream::Cleartext(TokioIo::new(watched)));
            }
            let tls = start_tls(tcp, config, &host).await?;
            // RFC 9113 §3.2: over TLS, HTTP/2 is selected by ALPN.
            let watched = match tls.get_ref().1.alpn_protocol() {
                Some(b"h2") => HeadLimitedStream::over_http2(tls, watch),
                _ => HeadLimitedStream::over_http1(tls, watch),
            };
            Ok(MaybeTlsStream::Tls(Box::new(TokioIo::new(watched))))
        })
    }
}

/// A connection of the pool.
pub(crate) enum MaybeTlsStream {
    Cleartext(TokioIo<HeadLimitedStream<TcpStream>>),
    Tls(Box<TokioIo<HeadLimitedStream<TlsStream<TcpStream>>>>),
}

impl Connection for MaybeTlsStream {
    /// Describes the connection to hyper, which puts the extras into the extensions of responses.
    fn connected(&self) -> Connected {
        match self {
            Self::Cleartext(stream) => {
                let security = ConnectionSecurity { tls: TlsState::Cleartext };
                Connected::new().extra(security).extra(stream.inner().head_watch())
            }
            Self::Tls(stream) => {
                let session = stream.inner().inner().get_ref().1;
                let security = security_of(session.protocol_version());
                let connected = Connected::new().extra(security).extra(stream.inner().head_watch());
                // hyper's pool then sends several requests on this connection at once.
                if session.alpn_protocol() == Some(b"h2") {
                    connected.negotiated_h2()
                } else {
                    connected
                }
            }
        }
    }
}

impl Read for MaybeTlsStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Cleartext(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl Write for MaybeTlsStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Cleartext(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Cleartext(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Cleartext(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Cleartext(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Cleartext(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
