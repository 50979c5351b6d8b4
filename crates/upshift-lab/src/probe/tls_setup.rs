//! TLS of the probe: any certificate is accepted, and what a strict client would say is recorded.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};
use upshift_record::probe::CertificateFacts;

/// The versions of TLS that a connection offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TlsOffer {
    /// TLS 1.2 and 1.3.
    Any,
    /// TLS 1.2 alone.
    Only12,
    /// TLS 1.3 alone.
    Only13,
}

/// The certificate of a connection, once the server has sent it.
#[derive(Clone, Debug, Default)]
pub(super) struct SeenCertificate(Arc<Mutex<Option<CertificateFacts>>>);

impl SeenCertificate {
    /// The certificate, if one was sent.
    pub(super) fn facts(&self) -> Option<CertificateFacts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, facts: CertificateFacts) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(facts);
    }
}

/// The parts that the configurations of all connections share.
#[derive(Clone, Debug)]
pub(super) struct TlsSetup {
    provider: Arc<CryptoProvider>,
    /// `None` if there are no roots to compare with.
    strict: Option<Arc<WebPkiServerVerifier>>,
}

impl TlsSetup {
    /// A setup that compares certificates with these roots.
    pub(super) fn new(roots: &Arc<RootCertStore>) -> Self {
        // Named explicitly, because a program may install another provider as the process's default.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(&provider));
        Self { provider, strict: builder.build().ok() }
    }

    /// A configuration for one connection.
    ///
    /// # Errors
    /// If the TLS library has no cipher suite for the versions.
    pub(super) fn client_config(
        &self,
        offer: TlsOffer,
        alpn: &[&str],
        seen: &SeenCertificate,
    ) -> Result<ClientConfig, Error> {
        let versions: &[&SupportedProtocolVersion] = match offer {
            TlsOffer::Any => &[&rustls::version::TLS13, &rustls::version::TLS12],
            TlsOffer::Only12 => &[&rustls::version::TLS12],
            TlsOffer::Only13 => &[&rustls::version::TLS13],
        };
        let verifier = RecordingVerifier { setup: self.clone(), seen: seen.clone() };
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(versions)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        // Each question stands for itself: a resumed session would show no certificate.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(config)
    }
}

/// Accepts every certificate, and writes down what a strict client would say.
#[derive(Debug)]
struct RecordingVerifier {
    setup: TlsSetup,
    seen: SeenCertificate,
}

impl ServerCertVerifier for RecordingVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let problem = match &self.setup.strict {
            None => Some("there are no roots to compare it with".to_owned()),
            Some(strict) => {
                let verified =
                    strict.verify_server_cert(certificate, intermediates, name, ocsp, now);
                verified.err().map(|error| describe_problem(&error))
            }
        };
        self.seen.set(CertificateFacts {
            trusted: problem.is_none(),
            problem,
            chain_length: 1 + intermediates.len(),
        });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.setup.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.setup.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.setup.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn describe_problem(error: &Error) -> String {
    let Error::InvalidCertificate(problem) = error else { return error.to_string() };
    match problem {
        CertificateError::UnknownIssuer => "its issuer is unknown".to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name".to_owned()
        }
        // webpki's name for a certificate that is its own issuer, or an authority used as a server.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "it is a certificate authority's own, as self-signed ones are".to_owned()
        }
        other => format!("{other:?}"),
    }
}
