//! Opening a connection to an upstream.

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

use crate::descriptors::{Descriptor, Descriptors};

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// It did not come about in time.
    Timeout,
    /// This process has no descriptor left for it.
    OutOfDescriptors,
    /// It was refused, cut, or its TLS is not to be trusted.
    Failed(io::Error),
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        if is_out_of_descriptors(&error) { Self::OutOfDescriptors } else { Self::Failed(error) }
    }
}

/// Whether the system gave no descriptor: `EMFILE` of the process, `ENFILE` of the machine.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}

/// Opens connections, in clear or over TLS.
pub(crate) struct Connector {
    tls: Arc<ClientConfig>,
    limit: Duration,
    /// Where the connections' descriptors are counted; `None` for the few that come out of the
    /// reserve.
    descriptors: Option<Arc<Descriptors>>,
}

impl Connector {
    /// One that trusts what `tls` trusts and gives up after `limit`.
    pub(crate) fn new(tls: Arc<ClientConfig>, limit: Duration) -> Self {
        Self { tls, limit, descriptors: None }
    }

    /// The same, within the share of `descriptors` that is for upstreams.
    pub(crate) fn within(
        tls: Arc<ClientConfig>,
        limit: Duration,
        descriptors: Arc<Descriptors>,
    ) -> Self {
        Self { descriptors: Some(descriptors), ..Self::new(tls, limit) }
    }

    /// Tells whether few descriptors are left.
    pub(super) fn has_few_descriptors(&self) -> bool {
        self.descriptors.as_ref().is_some_and(|descriptors| descriptors.are_scarce())
    }

    /// How long a connection may take to come about.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// A connection to `address`, and whether HTTP/2 is to be spoken on it.
    pub(crate) async fn connect(
        &self,
        address: &Address,
        http: UpstreamHttp,
    ) -> Result<(UpstreamStream, UpstreamHttp), ConnectError> {
        let descriptor = match &self.descriptors {
            Some(descriptors) => Some(descriptors.take().ok_or(ConnectError::OutOfDescriptors)?),
            None => None,
        };
        match timeout(self.limit, self.open(address, http)).await {
            Ok(Ok((transport, http))) => {
                Ok((UpstreamStream { transport, _descriptor: descriptor }, http))
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(ConnectError::Timeout),
        }
    }

    async fn open(
        &self,
        address: &Address,
        http: UpstreamHttp,
    ) -> io::Result<(Transport, UpstreamHttp)> {
        let tcp = TcpStream::connect((address.host.as_str(), address.port)).await?;
        tcp.set_nodelay(true)?;
        if !address.tls {
            return Ok((Transport::Clear(tcp), http));
        }
        let name = ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
        let mut config = ClientConfig::clone(&self.tls);
        // RFC 9113 §3.2: over TLS, HTTP/2 is chosen by ALPN and by nothing else.
        config.alpn_protocols = match http {
            UpstreamHttp::V1_1 => vec![b"http/1.1".to_vec()],
            UpstreamHttp::V2 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
        let spoken = match tls.get_ref().1.alpn_protocol() {
            Some(b"h2") => UpstreamHttp::V2,
            _ => UpstreamHttp::V1_1,
        };
        Ok((Transport::Tls(Box::new(tls)), spoken))
    }
}

/// A connection to an upstream.
pub(crate) struct UpstreamStream {
    transport: Transport,
    _descriptor: Option<Descriptor>,
}

/// What carries the bytes.
enum Transport {
    /// TCP.
    Clear(TcpStream),
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
            Transport::Clear(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Transport::Tls(tls) => Pin::new(tls).poll_read(cx, buffer),
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
            Transport::Clear(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Transport::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().transport {
            Transport::Clear(tcp) => Pin::new(tcp).poll_write_vectored(cx, slices),
            Transport::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Clear(tcp) => tcp.is_write_vectored(),
            Transport::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            Transport::Clear(tcp) => Pin::new(tcp).poll_flush(cx),
            Transport::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            Transport::Clear(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Transport::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
