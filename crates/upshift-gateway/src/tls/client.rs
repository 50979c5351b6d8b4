//! TLS towards upstreams and the webhook.

use std::io;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use upshift_config::Upstream;

use super::identity::read_chain;
use super::{TlsError, provider, unusable};

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
pub(crate) fn client_config(trust: &Trust<'_>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    let authorities = match trust {
        Trust::Nobody => Vec::new(),
        Trust::System => system_roots()?,
        Trust::File(path) => read_chain(path)?,
    };
    roots.add_parsable_certificates(authorities);
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn system_roots() -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    match found.errors.into_iter().next() {
        Some(error) if found.certs.is_empty() => Err(TlsError::Roots(io::Error::other(error))),
        _ => Ok(found.certs),
    }
}
