//! The certificate and key that clients are shown, and the authorities of upstreams.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use upshift_config::TlsFiles;
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};

use super::{TlsError, pem};

/// The contents of the files that the settings name.
#[derive(Clone, Default)]
pub(crate) struct LoadedFiles {
    /// The certificate and key that clients are shown, if there is a TLS listener.
    pub(crate) identity: Option<Arc<Identity>>,
    /// The authorities of upstreams, by file.
    pub(crate) authorities: BTreeMap<PathBuf, Vec<CertificateDer<'static>>>,
}

/// A certificate with its chain, and its key.
pub(crate) struct Identity {
    /// The certificate itself comes first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    is_self_signed: bool,
}

impl Identity {
    /// Reads the certificate and the key from their files.
    pub(crate) fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let (chain, key) = (read_chain(&files.certificate)?, read_key(&files.key)?);
        Ok(Self { chain, key, is_self_signed: false })
    }

    /// Makes a self-signed certificate for `names`.
    pub(crate) fn self_signed(names: &[String]) -> Result<Self, TlsError> {
        let made = match rcgen::generate_simple_self_signed(names) {
            Ok(made) => made,
            Err(error) => return Err(TlsError::SelfSigned(error.into())),
        };
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        Ok(Self { chain: vec![made.cert.der().clone()], key: key.into(), is_self_signed: true })
    }

    /// The end of the validity period of the certificate, in seconds since 1970.
    pub(crate) fn expiry(&self) -> Option<i64> {
        Some(self.leaf()?.validity().not_after.timestamp())
    }

    fn leaf(&self) -> Option<X509Certificate<'_>> {
        let (_, leaf) = X509Certificate::from_der(self.chain.first()?).ok()?;
        Some(leaf)
    }

    /// The key with only the certificate at `index` of the chain.
    pub(super) fn with_certificate(&self, index: usize) -> Option<Self> {
        let chain = vec![self.chain.get(index)?.clone()];
        Some(Self { chain, key: self.key.clone_key(), is_self_signed: false })
    }

    /// Returns true if the gateway made the certificate itself.
    pub(crate) fn is_self_signed(&self) -> bool {
        self.is_self_signed
    }

    /// The subject and the end of the validity period: `CN=api.example.com, until 2027-03-01T00:00:00Z`.
    pub(crate) fn describe(&self) -> String {
        let Some(leaf) = self.leaf() else {
            return "not readable".to_owned();
        };
        format!("{}, until {}", leaf.subject(), format_asn1_time(leaf.validity().not_after))
    }
}

/// Formats a time of a certificate like every other time (RFC 3339).
pub(crate) fn format_asn1_time(time: ASN1Time) -> String {
    let at = upshift_core::Timestamp::from_second(time.timestamp());
    match at {
        Ok(at) => at.to_string(),
        // A year that `Timestamp` does not have.
        Err(_) => time.to_string(),
    }
}

/// Reads the certificates of a PEM file.
pub(crate) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    pem::read_certificates(path).map_err(|source| TlsError::Pem { path: path.to_owned(), source })
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    pem::read_private_key(path).map_err(|source| TlsError::Pem { path: path.to_owned(), source })
}
