//! The checks of `upshift check` and of every start: errors that keep a gateway from starting, and
//! warnings about what may surprise once it runs. Everything that the settings name is loaded.

mod access_log;
mod certificates;
mod problem;
mod store;
mod upstreams;

use upshift_config::{FileSettings, KeyDiagnostic, OtlpExport};

use self::access_log::check_access_log;
use self::certificates::check_server_certificate;
use self::problem::error;
use self::store::check_store;
use self::upstreams::{check_unmatched_requests, check_upstream};
use crate::settings::Settings;
use crate::tls::client::{TrustAnchors, client_config};

/// Lists the problems of `settings`, each with the key that causes it.
pub(crate) fn diagnose_settings(settings: &Settings) -> Vec<KeyDiagnostic> {
    let FileSettings { gateway, upstreams, webhook, .. } = &settings.file;
    let mut found = Vec::new();
    found.extend(check_listeners(settings));
    found.extend(check_access_log(&gateway.access_log));
    found.extend(check_telemetry(settings));
    if let Some(files) = &gateway.tls
        && (gateway.https.is_some() || gateway.in_band_tls)
    {
        found.extend(check_server_certificate(files));
    }
    if upstreams.is_empty() {
        let help = "add upstream = \"http://127.0.0.1:3000\" to [gateway]";
        found.push(error("gateway", "the file does not say where requests go", help));
    } else {
        for (index, upstream) in upstreams.iter().enumerate() {
            found.extend(check_upstream(upstream, index, settings));
        }
        found.extend(check_unmatched_requests(upstreams));
    }
    if let Some(address) = webhook {
        found.extend(check_webhook(address));
    }
    if let Some(path) = &gateway.store {
        found.extend(check_store(path));
    }
    found
}

fn check_listeners(settings: &Settings) -> Option<KeyDiagnostic> {
    let gateway = &settings.file.gateway;
    if gateway.http.is_none() && gateway.https.is_none() {
        return Some(error(
            "gateway",
            "there is nothing to listen on: neither http nor https is set",
            "add http = \"127.0.0.1:8080\" to [gateway]",
        ));
    }
    if gateway.in_band_tls && gateway.https.is_some() && !gateway.dangerous_allow_opossum {
        return Some(error(
            "gateway.in-band-tls",
            "with in-band TLS and https on one host, an attacker can splice connections to one \
             into the other (CVE-2025-49812)",
            "remove one of them, or set dangerous-allow-opossum = true",
        ));
    }
    None
}

fn check_telemetry(settings: &Settings) -> Option<KeyDiagnostic> {
    let is_set = matches!(settings.file.telemetry.otlp, OtlpExport::Set(_));
    if !is_set || cfg!(feature = "otlp") {
        return None;
    }
    Some(error(
        "telemetry.otlp",
        "this program was built without the export over OTLP",
        "build it with `cargo install upshift --features otlp`, or remove the key",
    ))
}

fn check_webhook(address: &str) -> Option<KeyDiagnostic> {
    if !address.starts_with("https:") {
        return None;
    }
    let Err(cause) = client_config(&TrustAnchors::System) else { return None };
    Some(error(
        "breaker.webhook",
        cause.to_string(),
        "install the system's certificate roots, or set SSL_CERT_FILE",
    ))
}
