//! The warnings of `check`: what is valid and probably not what the author wants. One function
//! each.

use jiff::Timestamp;
use upshift_core::policy::Exemption;

use crate::gateway::{GatewaySettings, PathMode};
use crate::policy::PolicySource;
use crate::rollout_warnings::rollout_warnings;
use crate::rule_warnings::{pattern_warnings, rule_warnings};
use crate::span_diagnostic::SpanDiagnostic;
use crate::toml_table::TomlTable;
use crate::transport_warnings::transport_warnings;

/// Reports every warning at `now`. `gateway` is the gateway that the file sets up, if it has
/// `[gateway]`.
pub(crate) fn report_warnings(
    source: &PolicySource<'_>,
    gateway: Option<(&GatewaySettings, &TomlTable<'_>)>,
    now: Timestamp,
) {
    // Without `[gateway]` the program around the policy decides about paths.
    let is_strict = gateway.is_some_and(|(settings, _)| settings.paths == PathMode::Strict);
    for rule in &source.rules {
        let (spec, table) = (&rule.value, &rule.table);
        let mut warnings = pattern_warnings(spec, table, is_strict);
        warnings.extend(rule_warnings(spec, table));
        warnings.extend(rollout_warnings(spec, table, now));
        if let Some((settings, _)) = gateway {
            warnings.extend(transport_warnings(spec, table, settings));
        }
        for warning in warnings {
            table.report(warning);
        }
    }
    for exemption in &source.exemptions {
        report_exemption_warnings(&exemption.value, &exemption.table, now);
    }
    if let Some((settings, table)) = gateway
        && let Some(warning) = missing_certificate(settings, table)
    {
        table.report(warning);
    }
}

fn missing_certificate(gateway: &GatewaySettings, table: &TomlTable<'_>) -> Option<SpanDiagnostic> {
    let https = gateway.https?;
    // On this machine a self-signed certificate is how a trial begins.
    if https.ip().is_loopback() || gateway.tls.is_some() {
        return None;
    }
    let span = table.value_span("https");
    Some(
        SpanDiagnostic::warning(span, "`https` has no certificate of its own")
            .with_label(format!("{https} serves a self-signed one, which clients refuse"))
            .with_help("add [gateway.tls] with certificate and key"),
    )
}

fn report_exemption_warnings(exemption: &Exemption, table: &TomlTable<'_>, now: Timestamp) {
    if exemption.expires <= now {
        let message = format!("exemption `{}` has expired", exemption.id);
        table.report(
            SpanDiagnostic::warning(table.value_span("expires"), message)
                .with_label("it no longer admits any request")
                .with_help(format!("remove it, or ask {} for a new date", exemption.owner)),
        );
    }
    const SCOPES: [&str; 8] =
        ["rules", "hosts", "paths", "methods", "headers", "peers", "clients", "identities"];
    // By the keys, not the values: a key with an error is no sign that the author meant everything.
    if !SCOPES.iter().any(|key| table.contains_key(key)) {
        let message = format!("exemption `{}` exempts every request from every rule", exemption.id);
        table.report(
            SpanDiagnostic::warning(table.span(), message)
                .with_label("it names no rules and no requests")
                .with_help(
                    "add rules = [\"…\"], or a key of the matcher such as clients = [\"…\"]",
                ),
        );
    }
}
