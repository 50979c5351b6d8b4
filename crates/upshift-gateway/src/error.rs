//! Errors of starting and running a gateway.

use std::io;
use std::net::SocketAddr;

use upshift_adoption::store::StoreError;

use crate::descriptors::TooFewDescriptors;
use crate::settings::Settings;
use crate::tls::TlsError;

/// The reason that a gateway did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be listened on: it is in use, or does not belong to this machine.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },
    /// TLS cannot be configured.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// In-band TLS beside implicit TLS under the same name.
    #[error(
        "in-band TLS and https under one name let an attacker splice the one into the other \
         (Opossum, CVE-2025-49812): leave one of them out, or allow it with \
         dangerous-allow-opossum = true"
    )]
    Opossum,
    /// The process may open too few files.
    #[error(transparent)]
    Descriptors(#[from] TooFewDescriptors),
    /// The destination of access records cannot be opened, or the thread that writes them cannot be
    /// started.
    #[error("the access record cannot be written: {0}")]
    AccessRecord(#[source] io::Error),
    /// The store of overrides cannot be read or locked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Neither `http` nor `https` is given.
    #[error("there is nothing to listen on: neither http nor https is given")]
    NoListener,
}

/// The reason that a gateway stopped although it was not asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A thread could not be started, or ended.
    #[error("a serving thread failed: {0}")]
    Worker(#[source] io::Error),
}

/// Refuses in-band TLS beside `https`: one certificate serves both, so they go by the same name.
pub(crate) fn refuse_opossum(settings: &Settings) -> Result<(), StartError> {
    let gateway = &settings.file.gateway;
    let both = gateway.in_band_tls && gateway.https.is_some();
    if both && !gateway.dangerous_allow_opossum { Err(StartError::Opossum) } else { Ok(()) }
}
