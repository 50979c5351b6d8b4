//! TLS on the client side: configurations, handshakes, and the trust in certificates.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, ProtocolVersion, RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use upshift_core::{TlsState, TlsVersion};

use crate::BoxError;
use crate::route::ConnectionSecurity;

/// The time that each of a TCP connection, a TLS handshake and a switch may take.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The certificates of servers that are trusted.
#[derive(Clone)]
pub(crate) enum ServerTrust {
    /// Certificates that lead to one of these roots.
    Roots(Arc<RootCertStore>),
    /// Every certificate.
    AnyCertificate,
}

/// A TLS configuration for connections of at least this version that offer these protocols.
pub(crate) fn tls_config(
    trust: &ServerTrust,
    minimum: Option<TlsVersion>,
    alpn: &[&[u8]],
) -> Result<ClientConfig, BoxError> {
    // Named explicitly, because a program may install another provider as the process's default.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions: &[&rustls::SupportedProtocolVersion] = match minimum {
        Some(TlsVersion::V1_3) => &[&rustls::version::TLS13],
        // rustls supports nothing older than 1.2.
        _ => &[&rustls::version::TLS13, &rustls::version::TLS12],
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)?;
    let mut config = match trust {
        ServerTrust::Roots(roots) => {
            builder.with_root_certificates(Arc::clone(roots)).with_no_client_auth()
        }
        ServerTrust::AnyCertificate => {
            let verifier = Arc::new(AcceptAnyServer(provider.signature_verification_algorithms));
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        }
    };
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

/// The name that a server's certificate must have.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, BoxError> {
    Ok(ServerName::try_from(without_brackets(host).to_owned())?)
}

/// The address in the brackets that a URL has around an IPv6 address (RFC 3986 §3.2.2).
pub(crate) fn without_brackets(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Performs a TLS handshake on an open connection.
pub(crate) async fn start_tls(
    tcp: TcpStream,
    config: Arc<ClientConfig>,
    host: &str,
) -> Result<TlsStream<TcpStream>, BoxError> {
    let handshake = TlsConnector::from(config).connect(server_name(host)?, tcp);
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await {
        Ok(connected) => Ok(connected?),
        Err(_) => Err("the TLS handshake took too long".into()),
    }
}

/// The description of a TLS connection for responses.
pub(crate) fn security_of(version: Option<ProtocolVersion>) -> ConnectionSecurity {
    let tls = match version {
        Some(ProtocolVersion::TLSv1_3) => TlsState::Version(TlsVersion::V1_3),
        Some(ProtocolVersion::TLSv1_2) => TlsState::Version(TlsVersion::V1_2),
        // rustls supports only these two; there is no version before the handshake.
        _ => TlsState::SomeVersion,
    };
    ConnectionSecurity { tls }
}

/// Accepts every certificate, for `upshift get -k`. Signatures of the handshake are still verified,
/// because rustls leaves that to the verifier.
#[derive(Debug)]
struct AcceptAnyServer(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AcceptAnyServer {
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
