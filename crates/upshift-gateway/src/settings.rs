//! The gateway's configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;

use http::{HeaderValue, Uri};
use upshift_config::{FileSettings, Hsts, Upstream};
use upshift_core::Timestamp;
use upshift_core::policy::Matcher;

/// The configuration of one gateway.
///
/// [`Default`] has no listener, no upstream, no rule and no store:
///
/// ```
/// use upshift_gateway::{FileSettings, GatewaySettings, Settings, Upstream};
///
/// let settings = Settings {
///     file: FileSettings {
///         gateway: GatewaySettings {
///             http: Some(([127, 0, 0, 1], 0).into()),
///             ..GatewaySettings::default()
///         },
///         upstreams: vec![Upstream::at(([127, 0, 0, 1], 3000))],
///         ..FileSettings::default()
///     },
///     ..Settings::default()
/// };
/// assert_eq!(settings.file.gateway.https, None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The settings of the policy file. Overrides and tripped breakers apply on top of its policy.
    pub file: FileSettings,
    /// Makes every rule observe only: no request is refused or warned, and all are counted.
    pub observe: bool,
    /// The number of worker threads, each with its own runtime; 0: one per core.
    pub workers: usize,
    /// The environment variables of OpenTelemetry (`OTEL_…`), which fill in what `file.telemetry`
    /// leaves out.
    pub telemetry_variables: BTreeMap<String, String>,
    /// The token that `/api` on the admin listener requires, read from where
    /// `file.gateway.admin_token` says; none: only clients on this machine may call it.
    pub admin_token: Option<String>,
    /// The origin of the settings, which policy revisions name.
    pub origin: SettingsOrigin,
}

/// The origin of settings, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsOrigin {
    /// The policy file.
    pub file: Option<PathBuf>,
    /// The owner of the file.
    pub owner: Option<String>,
    /// The time at which the file was last written.
    pub modified: Option<Timestamp>,
    /// The account that the process runs as.
    pub account: Option<String>,
    /// The reason that the command line gives for the start.
    pub reason: Option<String>,
}

/// A Prometheus that scrapes the gateways of a fleet.
#[derive(Clone, Debug)]
pub struct PrometheusServer {
    /// The URL of its HTTP API, without a user and a password.
    pub url: Uri,
    /// The value of `Authorization` that it asks for; it should be marked as sensitive.
    pub authorization: Option<HeaderValue>,
}

/// The value of `Strict-Transport-Security` (RFC 6797 §6.1).
pub(crate) fn strict_transport_security(hsts: &Hsts) -> String {
    let mut value = format!("max-age={}", hsts.max_age.as_secs());
    if hsts.include_subdomains {
        value.push_str("; includeSubDomains");
    }
    if hsts.preload {
        value.push_str("; preload");
    }
    value
}

/// Returns true if every request may go to the upstream.
pub(crate) fn takes_all(upstream: &Upstream) -> bool {
    let Matcher { hosts, paths, methods, headers, peers, clients, identities } = &upstream.matcher;
    let target = hosts.is_empty() && paths.is_empty() && methods.is_empty();
    target && headers.is_empty() && peers.is_empty() && clients.is_empty() && identities.is_empty()
}
