//! TLS on both sides: the certificate shown to clients, and the authorities trusted for upstreams.

pub(crate) mod client;
pub(crate) mod identity;
pub(crate) mod metrics;
pub(crate) mod pem;
pub(crate) mod server;

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use self::pem::PemError;

/// The reason that TLS cannot be configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A PEM file cannot be read.
    #[error("{path} {source}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// The fault in it.
        source: PemError,
    },
    /// The key does not belong to the certificate.
    #[error("the certificate cannot be used: {0}")]
    KeyMismatch(#[source] Box<dyn Error + Send + Sync>),
    /// The key is of a kind or size that is not supported.
    #[error("the certificate cannot be used: {0}")]
    UnsupportedKey(#[source] Box<dyn Error + Send + Sync>),
    /// The certificate or the protocol versions cannot be used for another reason.
    #[error("the certificate cannot be used: {0}")]
    Certificate(#[source] Box<dyn Error + Send + Sync>),
    /// No self-signed certificate could be made.
    #[error("no self-signed certificate could be made: {0}")]
    SelfSigned(#[source] Box<dyn Error + Send + Sync>),
    /// The system's roots cannot be read.
    #[error("the system's certificate roots cannot be read: {0}")]
    Roots(#[source] io::Error),
}

/// Sorts an error of rustls by what the operator can do about it.
fn unusable(error: rustls::Error) -> TlsError {
    match error {
        rustls::Error::InconsistentKeys(_) => TlsError::KeyMismatch(error.into()),
        // rustls reports keys that it cannot load in this way only.
        rustls::Error::General(_) => TlsError::UnsupportedKey(error.into()),
        _ => TlsError::Certificate(error.into()),
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
