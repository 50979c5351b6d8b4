//! Warnings about rules whose requirement or answer does not fit the listeners of the gateway.

use std::net::SocketAddr;

use upshift_core::policy::{AnswerStyle, HostPattern, RequiredListener, Requirement, RuleSpec};

use crate::gateway::GatewaySettings;
use crate::span_diagnostic::SpanDiagnostic;
use crate::toml_table::TomlTable;

const NAME_THE_ADDRESS: &str =
    "add public = \"https://…\" to [gateway], or the names to `hosts` of this rule";

/// The warnings about one rule on this gateway.
pub(crate) fn transport_warnings(
    spec: &RuleSpec,
    table: &TomlTable<'_>,
    gateway: &GatewaySettings,
) -> Vec<SpanDiagnostic> {
    let mut warnings = Vec::new();
    warnings.extend(unoffered_transport(spec, table, gateway));
    warnings.extend(redirect_without_address(spec, table, gateway));
    warnings.extend(refusal_without_address(spec, table, gateway));
    warnings
}

fn unoffered_transport(
    spec: &RuleSpec,
    table: &TomlTable<'_>,
    gateway: &GatewaySettings,
) -> Option<SpanDiagnostic> {
    // A proxy in front may offer what the gateway does not.
    if !gateway.proxies.is_empty() || spec.require.is_empty() {
        return None;
    }
    for requirement in &spec.require {
        if has_listener(requirement.required_listener(), gateway) {
            return None;
        }
    }
    Some(
        SpanDiagnostic::warning(
            table.value_span("require"),
            "no client can meet this requirement at this gateway",
        )
        .with_label("no listener offers it")
        .with_help(
            "add https = \"127.0.0.1:8443\" (and http3 = true for HTTP/3), or declare the proxy \
             that offers it",
        ),
    )
}

fn has_listener(required: RequiredListener, gateway: &GatewaySettings) -> bool {
    match required {
        RequiredListener::Any => true,
        RequiredListener::Tls => gateway.https.is_some() || gateway.in_band_tls,
        RequiredListener::Http3 => gateway.http3,
    }
}

fn redirect_without_address(
    spec: &RuleSpec,
    table: &TomlTable<'_>,
    gateway: &GatewaySettings,
) -> Option<SpanDiagnostic> {
    // To redirect to the `Host` of the request would let anyone choose the target.
    if spec.answer != AnswerStyle::Redirect || knows_https_address(spec, gateway) {
        return None;
    }
    Some(
        SpanDiagnostic::warning(
            table.value_span("answer"),
            "no client is redirected, because the https address is not known",
        )
        .with_label("a redirect is never built from an unknown Host")
        .with_help(NAME_THE_ADDRESS),
    )
}

/// A redirect without an address and TLS that no listener offers have warnings of their own.
fn refusal_without_address(
    spec: &RuleSpec,
    table: &TomlTable<'_>,
    gateway: &GatewaySettings,
) -> Option<SpanDiagnostic> {
    let needs_tls =
        spec.require.iter().any(|requirement| matches!(requirement, Requirement::Tls(_)));
    let is_offered = gateway.https.is_some() || !gateway.proxies.is_empty();
    // With in-band TLS the client upgrades on the same port, and needs no address.
    let takes_cleartext = gateway.http.is_some() && !gateway.in_band_tls;
    if !needs_tls || !is_offered || !takes_cleartext || spec.answer == AnswerStyle::Redirect {
        return None;
    }
    if knows_https_address(spec, gateway) {
        return None;
    }
    Some(
        SpanDiagnostic::warning(
            table.value_span("require"),
            "a refusal cannot link to https, because the https address is not known",
        )
        .with_label("clients learn that they need TLS, but not at which address")
        .with_help(NAME_THE_ADDRESS),
    )
}

/// Returns true if an answer can name the https address: by `public`, by `hosts`, or by listeners
/// on loopback.
fn knows_https_address(spec: &RuleSpec, gateway: &GatewaySettings) -> bool {
    if spec.matcher.hosts.include.iter().any(HostPattern::is_literal) {
        return true;
    }
    if gateway.public.as_ref().is_some_and(|public| public.starts_with("https://")) {
        return true;
    }
    let (Some(http), Some(https)) = (gateway.http, gateway.https) else { return false };
    // Behind a proxy on this machine, a loopback address is not the one that the client used.
    gateway.proxies.is_empty() && http.ip().is_loopback() && accepts_loopback(https)
}

fn accepts_loopback(listener: SocketAddr) -> bool {
    listener.ip().is_loopback() || listener.ip().is_unspecified()
}
