//! The checks of a reload: the settings that it rejects, and those that it puts in force.

use std::net::SocketAddr;

use upshift_config::GatewaySettings;
use upshift_core::Policy;

use super::restart_keys::keep_restart_settings;
use crate::error::StartError;
use crate::settings::Settings;

/// The reason that a reload changed nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// A gateway would not start with these settings.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The file has no rules, as when it is read while an editor writes it.
    #[error(
        "the file has no rules, and {} in force; restart the gateway to serve without rules",
        rule_count(*.0)
    )]
    NoRules(usize),
    /// The file has no upstream.
    #[error("the file has no upstream; stop the gateway to stop serving")]
    NoUpstreams,
    /// The TLS listener would show a self-signed certificate in place of the configured one.
    #[error(
        "the file has no [gateway.tls], and the TLS listener would show a self-signed certificate; \
         restart the gateway to serve without a certificate"
    )]
    NoCertificate,
    /// The admin listener, which keeps its address, would refuse every call.
    #[error(
        "the file has no admin-token, but the admin listener stays at {0}, where other machines \
         can reach it, and /api would refuse every call; keep the token until a restart moves the \
         listener"
    )]
    NoAdminToken(SocketAddr),
}

fn rule_count(rules: usize) -> String {
    match rules {
        1 => "1 is".to_owned(),
        _ => format!("{rules} are"),
    }
}

/// The settings that a reload puts in force: those of the file, except for those that only a restart
/// applies.
///
/// # Errors
/// If they lack something that the running gateway needs.
pub(crate) fn merge_settings(
    running: &Settings,
    mut next: Settings,
) -> Result<Settings, ReloadError> {
    let rules = running.file.policy.rules().len();
    if next.file.policy.rules().is_empty() && rules > 0 {
        return Err(ReloadError::NoRules(rules));
    }
    if next.file.upstreams.is_empty() && !running.file.upstreams.is_empty() {
        return Err(ReloadError::NoUpstreams);
    }
    let bound = &running.file.gateway;
    if let Some(admin) = bound.admin
        && !admin.ip().is_loopback()
        && running.admin_token.is_some()
        && next.admin_token.is_none()
    {
        return Err(ReloadError::NoAdminToken(admin));
    }
    let gateway = &mut next.file.gateway;
    keep_certificate(bound, gateway)?;
    keep_restart_settings(gateway, bound);
    Ok(next)
}

/// Keeps the certificate if the file no longer has a TLS listener: the bound one serves until the
/// restart.
fn keep_certificate(
    bound: &GatewaySettings,
    next: &mut GatewaySettings,
) -> Result<(), ReloadError> {
    if next.tls.is_some() || bound.tls.is_none() {
        return Ok(());
    }
    if next.https.is_some() || next.in_band_tls {
        return Err(ReloadError::NoCertificate);
    }
    next.tls.clone_from(&bound.tls);
    Ok(())
}

/// Lists the overrides that a reload leaves without a rule.
pub(crate) fn reload_warnings(in_force: &Policy, after: &Settings) -> Vec<String> {
    let mut warnings = Vec::new();
    for rule in in_force.rules() {
        if let Some(set) = rule.overridden()
            && after.file.policy.rule(&rule.id).is_none()
        {
            let (id, phase, by) = (&rule.id, set.phase, &set.by);
            warnings.push(format!(
                "rule {id} was {phase} by {by}, and is gone: the override does not apply to a \
                 rule with another name"
            ));
        }
    }
    warnings
}
