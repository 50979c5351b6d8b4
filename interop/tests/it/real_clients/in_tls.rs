//! Transitions on the TLS port: HTTP/2 by ALPN and what runs over it, HTTP/3.

use super::{Row, answered, said, script};

pub(super) const ROWS: &[Row] = &[
    Row {
        client: "curl `--http2`, `https:`",
        needs: &["curl"],
        asks: "HTTP/2 by ALPN",
        run: |stage| {
            answered(&stage.gateway.curl(&["--http2", &stage.gateway.secure_url("/feeds/a")]))
        },
    },
    Row {
        client: "Node `http2` with `ws`",
        needs: &["node"],
        asks: "WebSocket by extended CONNECT (RFC 8441)",
        run: |stage| stage.program("clients.cjs", "http2"),
    },
    Row {
        client: "Chromium",
        needs: &["chromium", "node"],
        asks: "WebSocket by extended CONNECT (RFC 8441)",
        run: |stage| {
            let told = chromium(stage, 0);
            let via = stage.upstreams.seen().remove("/chat?by=chromium").unwrap_or_default();
            format!("{told}, over the same connection: {}", via.starts_with('2'))
        },
    },
    Row {
        client: "Chromium, forced to QUIC",
        needs: &["chromium", "node"],
        asks: "HTTP/3",
        run: |stage| chromium(stage, 1),
    },
    Row {
        client: "libcurl 8 (`pycurl`)",
        needs: &["python packages"],
        asks: "HTTP/3",
        run: |stage| stage.program("clients.py", "pycurl_h3"),
    },
    Row {
        client: "Python `aioquic`",
        needs: &["python packages"],
        asks: "HTTP/3",
        run: |stage| stage.program("clients.py", "aioquic_get"),
    },
    Row {
        client: "Python `niquests`",
        needs: &["python packages"],
        asks: "HTTP/3 by `Alt-Svc`, on the second request",
        run: |stage| stage.program("clients.py", "niquests_alt_svc"),
    },
];

/// The line that it prints as number `line`.
fn chromium(stage: &super::Stage, line: usize) -> String {
    let certificate = stage.upstreams.certificate().file().to_string_lossy().into_owned();
    let output = script("chromium.cjs", &[&certificate, &stage.gateway.https().port().to_string()]);
    match output.stdout.lines().nth(line) {
        Some(told) => told.to_owned(),
        None => said(output),
    }
}
