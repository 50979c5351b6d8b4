//! TLS: the configurations, the certificate, and the handshake.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ProtocolVersion, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use upshift_record::{Lane, Protection};

use super::error::MockError;
use super::peer_stream::PeerStream;
use super::routes::Routes;
use super::scenario::{TlsSettings, TlsVersion};

/// The certificate of a peer and its key, in PEM (RFC 7468).
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// The configurations of a peer.
pub(crate) struct TlsConfigs {
    /// That of the TLS port.
    pub(crate) config: Arc<ServerConfig>,
    /// That of a switch in band, without ALPN and session tickets: CUPS takes a ticket for the end
    /// of the connection.
    pub(crate) in_band_config: Arc<ServerConfig>,
    /// That of QUIC.
    pub(crate) quic_config: Arc<ServerConfig>,
}

impl Identity {
    /// A self-signed certificate for this machine's loopback.
    pub(crate) fn self_signed() -> Result<Self, MockError> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        match rcgen::generate_simple_self_signed(names) {
            Ok(made) => {
                Ok(Self { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() })
            }
            Err(error) => Err(MockError::Certificate(error.to_string())),
        }
    }
}

impl TlsConfigs {
    pub(crate) fn build(identity: &Identity, routes: &Routes) -> Result<Self, MockError> {
        let settings = match routes.connection_settings() {
            Some(scenario) => scenario.tls().clone(),
            None => TlsSettings::default(),
        };
        let versions = versions_of(&settings);
        let mut config = build_config(identity, &versions)?;
        config.alpn_protocols = match &settings.alpn {
            Some(names) => names.iter().map(|name| name.clone().into_bytes()).collect(),
            None if routes.answer_framed(Lane::Http2) => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            None => vec![b"http/1.1".to_vec()],
        };
        let mut in_band_config = build_config(identity, &versions)?;
        in_band_config.send_tls13_tickets = 0;
        let mut quic_config = build_config(identity, rustls::ALL_VERSIONS)?;
        quic_config.alpn_protocols = vec![b"h3".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            in_band_config: Arc::new(in_band_config),
            quic_config: Arc::new(quic_config),
        })
    }
}

fn versions_of(settings: &TlsSettings) -> Vec<&'static SupportedProtocolVersion> {
    let Some(wanted) = &settings.versions else { return rustls::ALL_VERSIONS.to_vec() };
    let mut versions = Vec::new();
    for version in wanted {
        versions.push(match version {
            TlsVersion::V1_2 => &rustls::version::TLS12,
            TlsVersion::V1_3 => &rustls::version::TLS13,
        });
    }
    versions
}

fn build_config(
    identity: &Identity,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<ServerConfig, MockError> {
    let wrong = |error: &dyn std::fmt::Display| MockError::Certificate(error.to_string());
    let mut chain = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(identity.certificate.as_bytes()) {
        chain.push(certificate.map_err(|error| wrong(&error))?);
    }
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).map_err(|e| wrong(&e))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| wrong(&error))?;
    let builder = builder.with_no_client_auth();
    builder.with_single_cert(chain, key).map_err(|error| wrong(&error))
}

/// Handshakes as the server.
pub(crate) async fn accept(
    stream: PeerStream,
    config: Arc<ServerConfig>,
) -> std::io::Result<TlsStream<PeerStream>> {
    TlsAcceptor::from(config).accept(stream).await
}

/// The properties of a completed handshake.
pub(crate) fn protection_of(tls: &TlsStream<PeerStream>) -> Protection {
    let (_, connection) = tls.get_ref();
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => Some("1.2".to_owned()),
        Some(ProtocolVersion::TLSv1_3) => Some("1.3".to_owned()),
        _ => None,
    };
    let chosen = connection.alpn_protocol();
    let alpn = chosen.map(|name| String::from_utf8_lossy(name).into_owned());
    Protection::Tls { version, alpn }
}
