//! TLS towards clients.

use std::sync::Arc;

use rustls::server::NoServerSessionStorage;
use rustls::{ProtocolVersion, ServerConfig};
use upshift_core::policy::Requirement;
use upshift_core::{Policy, Timestamp, TlsState, TlsVersion};

use super::identity::Identity;
use super::{TlsError, provider, unusable};

/// The server's side, with `h2` and `http/1.1` by ALPN (RFC 9113 §3.2, RFC 7301).
pub(crate) fn server_config(
    identity: &Identity,
    minimum: TlsVersion,
) -> Result<ServerConfig, TlsError> {
    let versions =
        if minimum < TlsVersion::V1_3 { rustls::ALL_VERSIONS } else { &[&rustls::version::TLS13] };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(identity.chain.clone(), identity.key.clone_key())
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The protection of a connection after a handshake that settled on `version`.
pub(crate) fn tls_state(version: Option<ProtocolVersion>) -> TlsState {
    match version {
        Some(ProtocolVersion::TLSv1_2) => TlsState::Version(TlsVersion::V1_2),
        Some(ProtocolVersion::TLSv1_3) => TlsState::Version(TlsVersion::V1_3),
        _ => TlsState::SomeVersion,
    }
}

/// Returns true if the key belongs to a certificate that comes after the first.
pub(crate) fn key_fits_later_certificate(identity: &Identity) -> bool {
    for index in 1..identity.chain.len() {
        if let Some(alone) = identity.with_certificate(index)
            && server_config(&alone, TlsVersion::V1_2).is_ok()
        {
            return true;
        }
    }
    false
}

/// TLS in band (RFC 2817), ready for each minimum that a policy may ask for.
#[derive(Clone)]
pub(crate) struct InBandTls {
    any_version: Arc<ServerConfig>,
    only_1_3: Arc<ServerConfig>,
}

impl InBandTls {
    /// Makes the configurations for `identity`.
    ///
    /// # Errors
    /// If the certificate cannot be used.
    pub(crate) fn new(identity: &Identity) -> Result<Self, TlsError> {
        let any_version = in_band_config(server_config(identity, TlsVersion::V1_2)?);
        let only_1_3 = in_band_config(server_config(identity, TlsVersion::V1_3)?);
        Ok(Self { any_version, only_1_3 })
    }

    /// The configuration that admits no version of TLS that `policy` refuses to everybody at
    /// `now`.
    pub(crate) fn config_under(&self, policy: &Policy, now: Timestamp) -> Arc<ServerConfig> {
        let config = match in_band_minimum(policy, now) {
            TlsVersion::V1_3 => &self.only_1_3,
            _ => &self.any_version,
        };
        Arc::clone(config)
    }
}

fn in_band_config(mut config: ServerConfig) -> Arc<ServerConfig> {
    // A ClientHello with ALPN is meant for implicit TLS (CVE-2025-49812).
    config.alpn_protocols = Vec::new();
    // CUPS takes a session ticket for the end of the connection, and would loop.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Arc::new(config)
}

/// The highest version that a rule refuses everything below. A rule that only warns, or refuses a
/// share of the callers, does not count: the handshake would lock out the others as well.
fn in_band_minimum(policy: &Policy, now: Timestamp) -> TlsVersion {
    let mut minimum = TlsVersion::V1_2;
    for rule in policy.rules() {
        if rule.rollout_state(now).share.fraction() < 1.0 {
            continue;
        }
        // Beside another requirement, an older version may be admitted by that one.
        if let [Requirement::Tls(version)] = rule.require.as_slice() {
            minimum = minimum.max(*version);
        }
    }
    minimum
}
