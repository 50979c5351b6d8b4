//! TLS towards upstreams and the webhook.

use std::io;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use upshift_config::Upstream;

use super::identity::read_chain;
use super::{TlsError, provider, unusable};

/// The authorities that the gateway trusts as a client.
pub(crate) enum TrustAnchors<'a> {
    /// None, because all connections are cleartext.
    None,
    /// Those of the system, or of `SSL_CERT_FILE`.
    System,
    /// Those of a PEM file.
    File(&'a Path),
}

impl<'a> TrustAnchors<'a> {
    /// The authorities for the endpoints of `upstream`.
    pub(crate) fn for_upstream(upstream: &'a Upstream) -> Self {
        if !upstream.endpoints.iter().any(|endpoint| endpoint.address.tls) {
            return Self::None;
        }
        match &upstream.ca {
            Some(file) => Self::File(file),
            None => Self::System,
        }
    }
}

/// The TLS configuration for connections of the gateway as a client.
pub(crate) fn client_config(anchors: &TrustAnchors<'_>) -> Result<ClientConfig, TlsError> {
    let authorities = match anchors {
        TrustAnchors::None => Vec::new(),
        TrustAnchors::System => system_roots()?,
        TrustAnchors::File(path) => read_chain(path)?,
    };
    let mut roots = RootCertStore::empty();
    // Skips roots that cannot be parsed: one of them must not disable all others.
    roots.add_parsable_certificates(authorities);
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn system_roots() -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    // One file that cannot be read is no failure if others have roots.
    match found.errors.into_iter().next() {
        Some(error) if found.certs.is_empty() => Err(TlsError::Roots(io::Error::other(error))),
        _ => Ok(found.certs),
    }
}
