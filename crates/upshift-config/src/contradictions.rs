//! Settings of `[gateway]` that contradict each other: errors.

use crate::gateway::GatewaySettings;
use crate::span_diagnostic::SpanDiagnostic;
use crate::toml_table::TomlTable;

/// Reports the settings of `[gateway]` that contradict each other.
pub(crate) fn report_contradictions(table: &TomlTable<'_>, gateway: &GatewaySettings) {
    report_http3_without_https(table, gateway);
    report_opossum(table, gateway);
    report_exposed_admin(table, gateway);
    report_shared_address(table, gateway);
}

fn report_http3_without_https(table: &TomlTable<'_>, gateway: &GatewaySettings) {
    // QUIC is always encrypted (RFC 9001), so that HTTP/3 uses the certificate of `https`, and
    // its port number.
    if gateway.http3 && gateway.https.is_none() {
        let error = SpanDiagnostic::error(table.key_span("http3"), "`http3` needs `https`");
        table.report(
            error
                .with_label("HTTP/3 is served on the UDP port of `https`")
                .with_help("add https = \"127.0.0.1:8443\""),
        );
    }
}

/// Opossum, CVE-2025-49812: under one name, implicit TLS and TLS by `Upgrade` let an attacker
/// splice a connection of the one into a connection of the other.
fn report_opossum(table: &TomlTable<'_>, gateway: &GatewaySettings) {
    if !gateway.in_band_tls || gateway.https.is_none() || gateway.dangerous_allow_opossum {
        return;
    }
    let error = SpanDiagnostic::error(
        table.key_span("in-band-tls"),
        "`in-band-tls` together with `https` allows the Opossum attack (CVE-2025-49812)",
    );
    table.report(
        error
            .with_label("an attacker can splice connections of the two")
            .with_help("remove one of them, or write dangerous-allow-opossum = true"),
    );
}

fn report_exposed_admin(table: &TomlTable<'_>, gateway: &GatewaySettings) {
    // Without a token, every peer that can connect could pause all rules.
    let Some(admin) = gateway.admin else { return };
    if admin.ip().is_loopback() || gateway.admin_token.is_some() {
        return;
    }
    let error = SpanDiagnostic::error(
        table.key_span("admin"),
        "an admin listener that other machines can reach needs `admin-token`",
    );
    table.report(
        error
            .with_label(format!("{} is not a loopback address", admin.ip()))
            .with_help("add admin-token = \"env:UPSHIFT_TOKEN\", or listen on 127.0.0.1"),
    );
}

fn report_shared_address(table: &TomlTable<'_>, gateway: &GatewaySettings) {
    // A start would fail as well, but with an error that does not name the two keys.
    let listeners = [("http", gateway.http), ("https", gateway.https), ("admin", gateway.admin)];
    for (index, (key, address)) in listeners.iter().enumerate() {
        let Some(address) = address else { continue };
        // The system chooses another port for each listener on port 0.
        if address.port() == 0 {
            continue;
        }
        let earlier = listeners[..index].iter().find(|(_, other)| *other == Some(*address));
        if let Some((first, _)) = earlier {
            let error = SpanDiagnostic::error(
                table.key_span(key),
                format!("`{key}` and `{first}` listen on the same address"),
            );
            table.report(error.with_label(format!("`{first}` already listens on {address}")));
        }
    }
}
