//! The values of a policy file's keys as text, which a reload compares.
//!
//! Every structure is destructured by its fields here, without `..`: a new field does not compile
//! until a reload names it.

use std::fmt::Debug;

use upshift_config::{
    AdoptionSettings, Endpoint, FileSettings, GatewaySettings, HealthCheck, Limits, OtlpExport,
    TelemetrySettings, Upstream,
};
use upshift_core::policy::{Exemption, Matcher, RuleSpec};

use crate::settings::Settings;

/// Keys of the policy file, each with its value as text.
pub(super) type KeyValues = Vec<(&'static str, String)>;

/// Lists the keys whose values differ. Both lists have the same keys in the same order.
pub(super) fn changed_keys(before: &KeyValues, after: &KeyValues) -> Vec<&'static str> {
    let mut changed = Vec::new();
    for (old, new) in before.iter().zip(after) {
        if old != new {
            changed.push(new.0);
        }
    }
    changed
}

/// The values of the settings that hold for the whole gateway, and those of the policy beside its
/// rules and exemptions. The keys that only a restart applies are left out.
pub(super) fn setting_values(settings: &Settings) -> KeyValues {
    // The command line or an embedder sets `observe` and `workers`; a reload changes neither. The
    // origin is no setting.
    let Settings { file, observe: _, workers: _, telemetry_variables: _, admin_token, origin: _ } =
        settings;
    let FileSettings { gateway, limits, adoption, telemetry, upstreams: _, policy, webhook } = file;
    let mut values = gateway_values(gateway, admin_token.as_deref());
    values.push(("breaker.webhook", debug_text(webhook)));
    values.extend(limit_values(limits));
    values.extend(adoption_values(adoption));
    values.extend(telemetry_values(telemetry));
    values.extend(policy.settings());
    values
}

fn gateway_values(gateway: &GatewaySettings, admin_token: Option<&str>) -> KeyValues {
    let GatewaySettings {
        // Only a restart applies these: `RESTART_KEYS` lists them.
        http: _,
        https: _,
        http3: _,
        admin: _,
        store: _,
        // Says where the path of `store` comes from.
        store_is_usual: _,
        // Compared by `admin_token` of `Settings`: a token that moves to another file is the same.
        admin_token: _,
        // Part of the policy, whose settings include it.
        comparison: _,
        h2c_upgrade,
        in_band_tls,
        dangerous_allow_opossum,
        tls,
        hsts,
        public,
        proxies,
        undeclared_proxy,
        paths,
        access_log,
        reason,
    } = gateway;
    vec![
        ("gateway.h2c-upgrade", debug_text(h2c_upgrade)),
        ("gateway.in-band-tls", debug_text(in_band_tls)),
        ("gateway.dangerous-allow-opossum", debug_text(dangerous_allow_opossum)),
        ("gateway.admin-token", debug_text(&admin_token)),
        ("gateway.tls", debug_text(tls)),
        ("gateway.hsts", debug_text(hsts)),
        ("gateway.public", debug_text(public)),
        ("gateway.proxy", debug_text(proxies)),
        ("gateway.undeclared-proxy", debug_text(undeclared_proxy)),
        ("gateway.paths", debug_text(paths)),
        ("gateway.access-log", debug_text(access_log)),
        ("gateway.reason", debug_text(reason)),
    ]
}

fn adoption_values(adoption: &AdoptionSettings) -> KeyValues {
    let AdoptionSettings { record, minutes, hours, days } = adoption;
    vec![
        ("adoption.record", debug_text(record)),
        ("adoption.minutes", debug_text(minutes)),
        ("adoption.hours", debug_text(hours)),
        ("adoption.days", debug_text(days)),
    ]
}

fn telemetry_values(telemetry: &TelemetrySettings) -> KeyValues {
    let TelemetrySettings { start_traces, sample, otlp } = telemetry;
    vec![
        ("telemetry.start-traces", debug_text(start_traces)),
        ("telemetry.sample", debug_text(sample)),
        ("telemetry.otlp", otlp_text(otlp)),
    ]
}

/// The export as text, with the values of the fields, which its debug text leaves out. The texts
/// are only compared.
fn otlp_text(otlp: &OtlpExport) -> String {
    match otlp {
        OtlpExport::Set(set) => format!("{set:?} {:?}", set.headers),
        OtlpExport::Off | OtlpExport::Unset => debug_text(otlp),
    }
}

fn limit_values(limits: &Limits) -> KeyValues {
    let Limits {
        header_bytes,
        header_timeout,
        idle,
        connections,
        lame_duck,
        drain,
        discard_bytes,
        discard_timeout,
        tunnel_idle,
        upstream_connect,
        upstream_response,
        upstream_silence,
        upstream_idle,
    } = limits;
    vec![
        ("limits.header-bytes", debug_text(header_bytes)),
        ("limits.header-timeout", debug_text(header_timeout)),
        ("limits.idle", debug_text(idle)),
        ("limits.connections", debug_text(connections)),
        ("limits.lame-duck", debug_text(lame_duck)),
        ("limits.drain", debug_text(drain)),
        ("limits.discard-bytes", debug_text(discard_bytes)),
        ("limits.discard-timeout", debug_text(discard_timeout)),
        ("limits.tunnel-idle", debug_text(tunnel_idle)),
        ("limits.upstream-connect", debug_text(upstream_connect)),
        ("limits.upstream-response", debug_text(upstream_response)),
        ("limits.upstream-silence", debug_text(upstream_silence)),
        ("limits.upstream-idle", debug_text(upstream_idle)),
    ]
}

/// The values of a rule's keys.
pub(super) fn rule_values(rule: &RuleSpec) -> KeyValues {
    let RuleSpec {
        id: _,
        matcher,
        require,
        on,
        answer,
        message,
        docs,
        successor,
        upgrade_url,
        token,
        deprecated,
        sunset,
        phase,
        rollout,
        identity,
        breaker,
    } = rule;
    let mut values = matcher_values(matcher);
    values.extend([
        ("require", debug_text(require)),
        ("on", debug_text(on)),
        ("answer", debug_text(answer)),
        ("message", debug_text(message)),
        ("docs", debug_text(docs)),
        ("successor", debug_text(successor)),
        ("upgrade-url", debug_text(upgrade_url)),
        ("token", debug_text(token)),
        ("deprecated", debug_text(deprecated)),
        ("sunset", debug_text(sunset)),
        ("phase", debug_text(phase)),
        ("rollout", debug_text(&(rollout, identity))),
        ("breaker", debug_text(breaker)),
    ]);
    values
}

fn matcher_values(matcher: &Matcher) -> KeyValues {
    let Matcher { hosts, paths, methods, headers, peers, clients, identities } = matcher;
    vec![
        ("hosts", debug_text(hosts)),
        ("paths", debug_text(paths)),
        ("methods", debug_text(methods)),
        ("headers", debug_text(headers)),
        ("peers", debug_text(peers)),
        ("clients", debug_text(clients)),
        ("identities", debug_text(identities)),
    ]
}

/// The values of an exemption's keys.
pub(super) fn exemption_values(exemption: &Exemption) -> KeyValues {
    let Exemption { id: _, rules, matcher, reason, owner, expires } = exemption;
    let mut values = matcher_values(matcher);
    values.extend([
        ("rules", debug_text(rules)),
        ("reason", debug_text(reason)),
        ("owner", debug_text(owner)),
        ("expires", debug_text(expires)),
    ]);
    values
}

/// The values of an upstream's keys.
pub(super) fn upstream_values(upstream: &Upstream) -> KeyValues {
    let Upstream { matcher, endpoints, http, ca, health, retries } = upstream;
    let mut values = matcher_values(matcher);
    values.extend([
        ("endpoints", endpoints.iter().map(endpoint_text).collect()),
        ("http", debug_text(http)),
        ("ca", debug_text(ca)),
        ("retries", debug_text(retries)),
    ]);
    values.extend(health_values(health.as_ref()));
    values
}

fn endpoint_text(endpoint: &Endpoint) -> String {
    let Endpoint { address, weight, backup, max_in_flight } = endpoint;
    debug_text(&(address, weight, backup, max_in_flight))
}

fn health_values(check: Option<&HealthCheck>) -> KeyValues {
    let Some(HealthCheck { path, interval, timeout, expect, healthy, unhealthy }) = check else {
        return vec![("health", "none".to_owned())];
    };
    vec![("health", debug_text(&(path, interval, timeout, expect, healthy, unhealthy)))]
}

/// The text that stands for a value. Patterns and field readers have no equality, but their `Debug`
/// output shows everything that they hold.
fn debug_text(value: &impl Debug) -> String {
    format!("{value:?}")
}
