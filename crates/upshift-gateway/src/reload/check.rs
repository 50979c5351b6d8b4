//! The checks of a reload: the settings that it rejects, and those that it puts in force.

use std::net::SocketAddr;

use upshift_config::GatewaySettings;
use upshift_core::Policy;
use upshift_core::policy::Override;

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
            warnings.push(lost_rule_warning(&rule.id, set));
        }
    }
    warnings
}

/// The warning about a rule that is gone and that an override holds. The override stays in the
/// store, so that a rule which is removed by mistake and put back is not enforced by surprise.
fn lost_rule_warning(id: &str, set: &Override) -> String {
    let Override { phase, by, until, .. } = set;
    let end = match until {
        Some(until) => format!("until {until}, or until `upshift resume {id}`"),
        None => format!("until `upshift resume {id}`"),
    };
    format!(
        "rule {id} is gone, and was held at {phase} by {by}. The hold is kept: it applies again if \
         a rule {id} returns, {end}. A rule with another name follows its own plan"
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use upshift_config::FileSettings;
    use upshift_core::Phase;
    use upshift_core::policy::{Actor, Overrides};

    use super::*;

    fn settings(id: &str) -> Settings {
        let text = format!(
            "[gateway]\nhttp = \"127.0.0.1:0\"\nupstream = \"http://127.0.0.1:9\"\n\
             [[rule]]\nid = \"{id}\"\nrequire = {{ http = \"2\" }}\n"
        );
        let policy = upshift_config::load(&text, "upshift.toml").unwrap().file.policy;
        let file = FileSettings { policy, ..FileSettings::default() };
        Settings { file, ..Settings::default() }
    }

    /// The warning said that the override does not apply to another rule, and not what becomes of
    /// it.
    #[test]
    fn a_removed_rule_that_is_held_keeps_its_hold() {
        let until: upshift_core::Timestamp = "2026-12-24T00:00:00Z".parse().unwrap();
        for (end, text) in [
            (None, "if a rule a returns, until `upshift resume a`."),
            (Some(until), "returns, until 2026-12-24T00:00:00Z, or until `upshift resume a`."),
        ] {
            let mut overrides = Overrides::default();
            let held = Override {
                phase: Phase::Paused,
                until: end,
                by: Actor::Person("ada".to_owned()),
                reason: String::new(),
            };
            overrides.rules.insert("a".to_owned(), held);
            let running = settings("a").file.policy.with_overrides(&overrides);
            let warnings = reload_warnings(&running, &settings("b"));
            assert_eq!(warnings.len(), 1);
            let held =
                "rule a is gone, and was held at paused by ada. The hold is kept: it applies";
            assert!(warnings[0].starts_with(held) && warnings[0].contains(text), "{warnings:?}");
            assert_eq!(reload_warnings(&running, &settings("a")), Vec::<String>::new());
        }
    }
}
