//! TCP and TLS connections, as hyper's pool asks for them.

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
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, ProtocolVersion, RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;
use upshift_core::{TlsState, TlsVersion};

use crate::watched::{HeadWatch, Watched};
use crate::{BoxError, ConnectionInfo};

/// How long a TCP connection and a TLS handshake may take, each.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What servers' certificates are held against.
#[derive(Clone)]
pub(crate) enum Trust {
    Roots(Arc<RootCertStore>),
    /// Nothing: any certificate is believed.
    Nobody,
}

/// A TLS configuration for connections of at least this version that offer these protocols.
pub(crate) fn tls_config(
    trust: &Trust,
    minimum: Option<TlsVersion>,
    alpn: &[&[u8]],
) -> Result<ClientConfig, BoxError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions: &[&rustls::SupportedProtocolVersion] = match minimum {
        Some(TlsVersion::V1_3) => &[&rustls::version::TLS13],
        _ => &[&rustls::version::TLS13, &rustls::version::TLS12],
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)?;
    let mut config = match trust {
        Trust::Roots(roots) => {
            builder.with_root_certificates(Arc::clone(roots)).with_no_client_auth()
        }
        Trust::Nobody => {
            let verifier = Arc::new(BelieveAnyone(provider.signature_verification_algorithms));
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        }
    };
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

/// The name that a certificate has to have.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, BoxError> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    Ok(ServerName::try_from(bare.to_owned())?)
}

/// A TLS handshake on a connection that is there.
pub(crate) async fn secure(
    tcp: TcpStream,
    config: Arc<ClientConfig>,
    host: &str,
) -> Result<TlsStream<TcpStream>, BoxError> {
    let handshake = TlsConnector::from(config).connect(server_name(host)?, tcp);
    Ok(tokio::time::timeout(PATIENCE, handshake)
        .await
        .map_err(|_| "the TLS handshake took too long")??)
}

/// What is to be told of a TLS connection.
pub(crate) fn tls_info(version: Option<ProtocolVersion>) -> ConnectionInfo {
    let tls = match version {
        Some(ProtocolVersion::TLSv1_3) => TlsState::Version(TlsVersion::V1_3),
        Some(ProtocolVersion::TLSv1_2) => TlsState::Version(TlsVersion::V1_2),
        _ => TlsState::SomeVersion,
    };
    ConnectionInfo { tls }
}

/// Opens connections for hyper's pool.
#[derive(Clone)]
pub(crate) struct Connector {
    tcp: HttpConnector,
    tls: Arc<ClientConfig>,
    head_patience: Duration,
    /// HTTP/2 is spoken from the first byte of a cleartext connection.
    prior_knowledge: bool,
}

impl Connector {
    pub(crate) fn new(tls: Arc<ClientConfig>, head_patience: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(PATIENCE));
        Self { tcp, tls, head_patience, prior_knowledge: false }
    }

    /// For cleartext connections on which HTTP/2 is spoken from the first byte.
    pub(crate) fn with_prior_knowledge(self, prior_knowledge: bool) -> Self {
        Self { prior_knowledge, ..self }
    }

    /// A watch for one more connection.
    pub(crate) fn head_watch(&self) -> HeadWatch {
        HeadWatch::new(self.head_patience)
    }

    /// One connection outside any pool, in clear.
    pub(crate) async fn clear(mut self, uri: Uri) -> Result<TcpStream, BoxError> {
        std::future::poll_fn(|cx| self.tcp.poll_ready(cx)).await?;
        Ok(self.tcp.call(uri).await?.into_inner())
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let tls = (uri.scheme() == Some(&Scheme::HTTPS)).then(|| Arc::clone(&self.tls));
        let host = uri.host().unwrap_or_default().to_owned();
        let (watch, prior_knowledge) = (self.head_watch(), self.prior_knowledge);
        let tcp = self.tcp.call(uri);
        Box::pin(async move {
            let tcp = tcp.await?.into_inner();
            let Some(config) = tls else {
                return Ok(Stream::Clear(TokioIo::new(match prior_knowledge {
                    true => Watched::http2(tcp, watch),
                    false => Watched::http1(tcp, watch),
                })));
            };
            let tls = secure(tcp, config, &host).await?;
            let watched = match tls.get_ref().1.alpn_protocol() {
                Some(b"h2") => Watched::http2(tls, watch),
                _ => Watched::http1(tls, watch),
            };
            Ok(Stream::Tls(Box::new(TokioIo::new(watched))))
        })
    }
}

/// A connection.
pub(crate) enum Stream {
    Clear(TokioIo<Watched<TcpStream>>),
    Tls(Box<TokioIo<Watched<TlsStream<TcpStream>>>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self {
            Self::Clear(stream) => {
                let info = ConnectionInfo { tls: TlsState::Cleartext };
                Connected::new().extra(info).extra(stream.inner().head_watch())
            }
            Self::Tls(stream) => {
                let session = stream.inner().inner().get_ref().1;
                let info = tls_info(session.protocol_version());
                let connected = Connected::new().extra(info).extra(stream.inner().head_watch());
                if session.alpn_protocol() == Some(b"h2") {
                    connected.negotiated_h2()
                } else {
                    connected
                }
            }
        }
    }
}

impl Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl Write for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Clear(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

/// For `-k`: whoever answers is believed to be who was asked.
#[derive(Debug)]
struct BelieveAnyone(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for BelieveAnyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
