//! TLS at both ends: the certificate that clients see, and the roots that upstreams are judged by.

pub(crate) mod pem;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, ServerConfig};
use upshift_config::{TlsFiles, Upstream};
use upshift_core::{TlsState, TlsVersion};
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};

use crate::tls::pem::PemError;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file cannot be read.
    #[error("{path} {source}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PemError,
    },
    /// Certificate and key do not go together, or are not usable.
    #[error("the certificate cannot be used: {0}")]
    Certificate(#[from] rustls::Error),
    /// No self-signed certificate could be made.
    #[error("no self-signed certificate could be made: {0}")]
    SelfSigned(#[from] rcgen::Error),
    /// The system's roots cannot be read.
    #[error("the system's certificate roots cannot be read: {0}")]
    Roots(#[source] io::Error),
}

/// What is read of the files that settings name.
#[derive(Clone, Default)]
pub(crate) struct LoadedFiles {
    /// The certificate that clients are shown, if there is TLS.
    pub(crate) identity: Option<Arc<Identity>>,
    /// The authorities of upstreams, by file.
    pub(crate) authorities: BTreeMap<PathBuf, Vec<CertificateDer<'static>>>,
}

/// A certificate with its chain, and its key.
pub(crate) struct Identity {
    /// The certificate itself comes first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    is_self_signed: bool,
}

impl Identity {
    /// Reads the files.
    pub(crate) fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let (chain, key) = (read_chain(&files.certificate)?, read_key(&files.key)?);
        Ok(Self { chain, key, is_self_signed: false })
    }

    /// Makes one for `names` that is signed by itself.
    pub(crate) fn self_signed(names: &[String]) -> Result<Self, TlsError> {
        let made = rcgen::generate_simple_self_signed(names)?;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        Ok(Self { chain: vec![made.cert.der().clone()], key: key.into(), is_self_signed: true })
    }

    /// Tells whether the key belongs to a certificate that comes after the first.
    pub(crate) fn fits_another(&self) -> bool {
        self.chain.iter().skip(1).any(|certificate| {
            let alone = Self {
                chain: vec![certificate.clone()],
                key: self.key.clone_key(),
                is_self_signed: false,
            };
            server(&alone, TlsVersion::V1_2).is_ok()
        })
    }

    /// Tells whether it was made here, because no files are named.
    pub(crate) fn is_self_signed(&self) -> bool {
        self.is_self_signed
    }

    /// Its subject, and until when it is valid: `CN=api.example.com, until 2027-03-01T00:00:00Z`.
    pub(crate) fn describe(&self) -> String {
        let parsed = self.chain.first().and_then(|leaf| X509Certificate::from_der(leaf).ok());
        let Some((_, leaf)) = parsed else { return "not readable".to_owned() };
        format!("{}, until {}", leaf.subject(), date(leaf.validity().not_after))
    }
}

/// A time of a certificate, written like every other.
pub(crate) fn date(time: ASN1Time) -> String {
    let at = upshift_core::Timestamp::from_second(time.timestamp());
    at.map_or_else(|_| time.to_string(), |at| at.to_string())
}

/// The server's side, with `h2` and `http/1.1` by ALPN (RFC 9113 §3.2, RFC 7301).
pub(crate) fn server(identity: &Identity, minimum: TlsVersion) -> Result<ServerConfig, TlsError> {
    let versions =
        if minimum < TlsVersion::V1_3 { rustls::ALL_VERSIONS } else { &[&rustls::version::TLS13] };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_single_cert(identity.chain.clone(), identity.key.clone_key())?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Who signs for those that the gateway connects to.
pub(crate) enum Trust<'a> {
    /// Nobody: all is in clear.
    Nobody,
    /// The system's authorities, or those of `SSL_CERT_FILE`.
    System,
    /// Those of a PEM file.
    File(&'a Path),
}

impl<'a> Trust<'a> {
    /// What an upstream needs.
    pub(crate) fn of(upstream: &'a Upstream) -> Self {
        match &upstream.ca {
            _ if !upstream.endpoints.iter().any(|endpoint| endpoint.address.tls) => Self::Nobody,
            Some(file) => Self::File(file),
            None => Self::System,
        }
    }
}

/// The client's side, towards upstreams and the webhook.
pub(crate) fn client(trust: &Trust<'_>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    let authorities = match trust {
        Trust::Nobody => Vec::new(),
        Trust::System => system_roots()?,
        Trust::File(path) => read_chain(path)?,
    };
    roots.add_parsable_certificates(authorities);
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// What a finished handshake says.
pub(crate) fn state(version: Option<ProtocolVersion>) -> TlsState {
    match version {
        Some(ProtocolVersion::TLSv1_2) => TlsState::Version(TlsVersion::V1_2),
        Some(ProtocolVersion::TLSv1_3) => TlsState::Version(TlsVersion::V1_3),
        _ => TlsState::SomeVersion,
    }
}

fn system_roots() -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    match found.errors.into_iter().next() {
        Some(error) if found.certs.is_empty() => Err(TlsError::Roots(io::Error::other(error))),
        _ => Ok(found.certs),
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// The certificates of a PEM file.
pub(crate) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    pem::read_certificates(path).map_err(|source| TlsError::Pem { path: path.to_owned(), source })
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    pem::read_private_key(path).map_err(|source| TlsError::Pem { path: path.to_owned(), source })
}
