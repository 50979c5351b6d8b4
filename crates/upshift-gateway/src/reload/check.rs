//! The checks of a reload: what it refuses, and what takes effect at a restart only.

use std::fmt::{Display, Formatter};
use std::net::SocketAddr;

use upshift_config::GatewaySettings;
use upshift_core::Policy;

use crate::error::StartError;
use crate::settings::Settings;

/// The reason that a reload changed nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// A gateway would not start with these settings.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Every rule would be lost, as by reading a file while it is written.
    #[error("the file has no rules, and {} in force: to serve without rules, restart", rule_count(*.0))]
    NoRules(usize),
    /// Every upstream would be lost.
    #[error("the file has no upstream: to stop serving, stop the gateway")]
    NoUpstreams,
    /// A listener that stays would show a self-signed certificate in place of the real one.
    #[error(
        "the file has no [gateway.tls], and clients would be shown a self-signed certificate: restart to do without one"
    )]
    NoCertificate,
    /// The admin listener that stays would refuse every call.
    #[error(
        "the file has no admin-token, and the admin listener stays at {0}, where others can reach it and /api would refuse \
         all: keep the token until the restart that moves the listener"
    )]
    NoAdminToken(SocketAddr),
}

fn rule_count(rules: usize) -> String {
    match rules {
        1 => "1 is".to_owned(),
        rules => format!("{rules} are"),
    }
}

/// A setting that a running gateway cannot take up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeedsRestart {
    /// Its key in the policy file.
    pub key: &'static str,
    /// The value in use.
    pub running: String,
    /// The value in the file.
    pub file: String,
}

impl Display for NeedsRestart {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} stays {}: {} takes a restart", self.key, self.running, self.file)
    }
}

/// The settings that a reload puts in force: those of the file, at the addresses that are bound and
/// with the store that is open.
///
/// # Errors
/// If they would lose what those who are served rely on.
pub(crate) fn taken_up(running: &Settings, mut next: Settings) -> Result<Settings, ReloadError> {
    let rules = running.file.policy.rules().len();
    if next.file.policy.rules().is_empty() && rules > 0 {
        return Err(ReloadError::NoRules(rules));
    }
    if next.file.upstreams.is_empty() && !running.file.upstreams.is_empty() {
        return Err(ReloadError::NoUpstreams);
    }
    let kept = &running.file.gateway;
    let gateway = &mut next.file.gateway;
    // Where the TLS listener is gone from the file too, it stays as it is until the restart,
    // certificate included.
    if gateway.tls.is_none() && kept.tls.is_some() {
        if gateway.https.is_some() || gateway.in_band_tls {
            return Err(ReloadError::NoCertificate);
        }
        gateway.tls.clone_from(&kept.tls);
    }
    let exposed = kept.admin.filter(|admin| !admin.ip().is_loopback());
    if let Some(admin) = exposed
        && running.admin_token.is_some()
        && next.admin_token.is_none()
    {
        return Err(ReloadError::NoAdminToken(admin));
    }
    (gateway.http, gateway.https, gateway.http3) = (kept.http, kept.https, kept.http3);
    gateway.admin = kept.admin;
    gateway.store.clone_from(&kept.store);
    Ok(next)
}

/// What a reload does beyond what it names.
pub(crate) fn warnings(in_force: &Policy, after: &Settings) -> Vec<String> {
    let mut found = Vec::new();
    for rule in in_force.rules() {
        if let Some(set) = rule.overridden()
            && after.file.policy.rule(&rule.id).is_none()
        {
            let (id, phase, by) = (&rule.id, set.phase, &set.by);
            found
                .push(format!("rule {id} was {phase} by {by}: that holds no rule of another name"));
        }
    }
    found
}

/// The settings that a running gateway keeps until it is started again.
pub(crate) fn needs_restart(running: &Settings, next: &Settings) -> Vec<NeedsRestart> {
    let (running, file) = (&running.file.gateway, &next.file.gateway);
    let pairs = [
        ("gateway.http", shown(running.http), shown(file.http)),
        ("gateway.https", shown(running.https), shown(file.https)),
        ("gateway.http3", running.http3.to_string(), file.http3.to_string()),
        ("gateway.admin", shown(running.admin), shown(file.admin)),
        ("gateway.store", store_path(running), store_path(file)),
    ];
    let mut found = Vec::new();
    for (key, running, file) in pairs {
        if running != file {
            found.push(NeedsRestart { key, running, file });
        }
    }
    found
}

fn shown<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "false".to_owned(), |value| value.to_string())
}

fn store_path(gateway: &GatewaySettings) -> String {
    shown(gateway.store.as_deref().map(std::path::Path::display))
}
