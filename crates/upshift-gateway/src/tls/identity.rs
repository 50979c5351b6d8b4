//! The certificate and key that clients are shown, and the other files that settings name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use upshift_config::TlsFiles;
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};

use super::{TlsError, pem};

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
    pub(super) key: PrivateKeyDer<'static>,
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
        let made = rcgen::generate_simple_self_signed(names)
            .map_err(|error| TlsError::SelfSigned(error.into()))?;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        Ok(Self { chain: vec![made.cert.der().clone()], key: key.into(), is_self_signed: true })
    }

    /// The same key with the certificate at `index` of the chain alone.
    pub(super) fn with_certificate(&self, index: usize) -> Option<Self> {
        let chain = vec![self.chain.get(index)?.clone()];
        Some(Self { chain, key: self.key.clone_key(), is_self_signed: false })
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

/// The certificates of a PEM file.
pub(crate) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    pem::read_certificates(path).map_err(|source| TlsError::Pem { path: path.to_owned(), source })
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    pem::read_private_key(path).map_err(|source| TlsError::Pem { path: path.to_owned(), source })
}
