//! Opens connections to upstreams, over TCP or TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use upshift_config::{Address, UpstreamHttp};

use super::endpoint_health::{ConnectionGuard, EndpointHealth};
use crate::descriptors::{DescriptorBudget, DescriptorPermit};

/// A connection that could not be opened.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// It took longer than allowed.
    Timeout,
    /// This process has no file descriptor left for it.
    OutOfDescriptors,
    /// It was refused or reset, or the TLS handshake failed.
    Failed(io::Error),
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        if is_out_of_descriptors(&error) { Self::OutOfDescriptors } else { Self::Failed(error) }
    }
}

impl From<ConnectError> for io::Error {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Failed(error) => error,
            ConnectError::Timeout => io::ErrorKind::TimedOut.into(),
            ConnectError::OutOfDescriptors => Self::other("this process has no descriptor left"),
        }
    }
}

/// Returns true if the system had no descriptor: `EMFILE` for the process, `ENFILE` for the host.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}

/// Opens connections to upstreams, over cleartext TCP or TLS.
pub(crate) struct UpstreamConnector {
    tls: Arc<ClientConfig>,
    connect_timeout: Duration,
    /// The budget that the connections' descriptors come from; `None` for the few that come out of
    /// the reserve.
    descriptors: Option<Arc<DescriptorBudget>>,
}

impl UpstreamConnector {
    /// A connector without a descriptor budget. An attempt fails after `connect_timeout`.
    pub(crate) fn new(tls: Arc<ClientConfig>, connect_timeout: Duration) -> Self {
        Self { tls, connect_timeout, descriptors: None }
    }

    /// A connector that takes its descriptors from the share for upstreams.
    pub(crate) fn with_descriptors(
        tls: Arc<ClientConfig>,
        connect_timeout: Duration,
        descriptors: Arc<DescriptorBudget>,
    ) -> Self {
        Self { descriptors: Some(descriptors), ..Self::new(tls, connect_timeout) }
    }

    /// Returns true if few descriptors are left.
    pub(super) fn has_few_descriptors(&self) -> bool {
        match &self.descriptors {
            Some(descriptors) => descriptors.are_scarce(),
            None => false,
        }
    }

    /// The time in which a connection has to be established.
    pub(super) fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// Opens a connection to `address` and returns it with the negotiated version of HTTP.
    pub(crate) async fn connect(
        &self,
        address: &Address,
        http: UpstreamHttp,
    ) -> Result<(UpstreamStream, UpstreamHttp), ConnectError> {
        // Taken before the connection is opened, so that concurrent attempts stay within the budget.
        let descriptor = match &self.descriptors {
            Some(descriptors) => {
                Some(descriptors.take_descriptor().ok_or(ConnectError::OutOfDescriptors)?)
            }
            None => None,
        };
        match timeout(self.connect_timeout, self.open_transport(address, http)).await {
            Ok(Ok((transport, http))) => {
                Ok((UpstreamStream { transport, _descriptor: descriptor, _counted: None }, http))
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(ConnectError::Timeout),
        }
    }

    async fn open_transport(
        &self,
        address: &Address,
        http: UpstreamHttp,
    ) -> io::Result<(UpstreamTransport, UpstreamHttp)> {
        let tcp = TcpStream::connect((address.host.as_str(), address.port)).await?;
        // The codecs write whole messages, so delaying small segments (Nagle) would only add latency.
        tcp.set_nodelay(true)?;
        if !address.tls {
            return Ok((UpstreamTransport::Cleartext(tcp), http));
        }
        let name = ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
        // Cloned, because the ALPN list depends on the upstream. The roots and the session cache in it
        // are shared.
        let mut config = ClientConfig::clone(&self.tls);
        // RFC 9113 §3.2: over TLS, HTTP/2 is chosen by ALPN only.
        config.alpn_protocols = match http {
            UpstreamHttp::V1_1 => vec![b"http/1.1".to_vec()],
            UpstreamHttp::V2 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
        let negotiated = match tls.get_ref().1.alpn_protocol() {
            Some(b"h2") => UpstreamHttp::V2,
            _ => UpstreamHttp::V1_1,
        };
        Ok((UpstreamTransport::Tls(Box::new(tls)), negotiated))
    }
}

/// A connection to an upstream.
pub(crate) struct UpstreamStream {
    transport: UpstreamTransport,
    _descriptor: Option<DescriptorPermit>,
    _counted: Option<ConnectionGuard>,
}

impl UpstreamStream {
    /// Returns true if it uses TLS.
    pub(super) fn is_tls(&self) -> bool {
        matches!(self.transport, UpstreamTransport::Tls(_))
    }

    /// Counts it as a connection to `endpoint` until it is dropped.
    pub(super) fn counted_at(self, endpoint: &Arc<EndpointHealth>) -> Self {
        Self { _counted: Some(endpoint.count_connection()), ..self }
    }
}

/// The transport under a connection to an upstream.
enum UpstreamTransport {
    /// TCP.
    Cleartext(TcpStream),
    /// TLS over TCP.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for UpstreamStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            UpstreamTransport::Cleartext(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            UpstreamTransport::Tls(tls) => Pin::new(tls).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for UpstreamStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().transport {
            UpstreamTransport::Cleartext(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            UpstreamTransport::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().transport {
            UpstreamTransport::Cleartext(tcp) => Pin::new(tcp).poll_write_vectored(cx, slices),
            UpstreamTransport::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            UpstreamTransport::Cleartext(tcp) => tcp.is_write_vectored(),
            UpstreamTransport::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            UpstreamTransport::Cleartext(tcp) => Pin::new(tcp).poll_flush(cx),
            UpstreamTransport::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            UpstreamTransport::Cleartext(tcp) => Pin::new(tcp).poll_shutdown(cx),
            UpstreamTransport::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
