//! Transitions on the cleartext port: h2c, WebSocket, HTTP/1.0.

use super::{Row, Scratch, answered, run, said, script};
use interop::Nginx;

pub(super) const ROWS: &[Row] = &[
    Row {
        client: "curl `--http2`",
        needs: &["curl"],
        asks: "h2c by Upgrade",
        run: |stage| {
            let get = stage.gateway.curl(&["--http2", &stage.gateway.url("/orders")]);
            let post =
                stage.gateway.curl(&["--http2", "-d", "one order", &stage.gateway.url("/orders")]);
            format!("GET: {}; POST: {}", answered(&get), answered(&post))
        },
    },
    Row {
        client: "curl `--http2-prior-knowledge`",
        needs: &["curl"],
        asks: "HTTP/2 over cleartext",
        run: |stage| {
            answered(
                &stage.gateway.curl(&["--http2-prior-knowledge", &stage.gateway.url("/feeds/a")]),
            )
        },
    },
    Row {
        client: "libcurl 8 (`pycurl`)",
        needs: &["python packages"],
        asks: "h2c by Upgrade",
        run: |stage| stage.program("clients.py", "pycurl_h2c"),
    },
    Row {
        client: "`nghttp -u`",
        needs: &["nghttp"],
        asks: "h2c by Upgrade",
        run: |stage| nghttp(&stage.gateway.url("/orders"), &[]),
    },
    Row {
        client: "`nghttp -u --header-table-size=65536`",
        needs: &["nghttp"],
        asks: "h2c by Upgrade",
        run: |stage| nghttp(&stage.gateway.url("/orders"), &["--header-table-size=65536"]),
    },
    Row {
        client: "`nghttp -u -d FILE`",
        needs: &["nghttp"],
        asks: "h2c by Upgrade, with content",
        run: |stage| {
            let folder = Scratch::new();
            let file = folder.file("body", "x".repeat(20_000));
            nghttp(&stage.gateway.url("/orders"), &["-d", &file.to_string_lossy()])
        },
    },
    Row {
        client: "Java 17 `HttpClient`",
        needs: &["java"],
        asks: "h2c by Upgrade, four requests",
        run: |stage| said(script("Client.java", &["requests", &stage.gateway.http().to_string()])),
    },
    Row {
        client: "Java 17 `WebSocket`",
        needs: &["java"],
        asks: "WebSocket by Upgrade",
        run: |stage| said(script("Client.java", &["websocket", &stage.gateway.http().to_string()])),
    },
    Row {
        client: "Node `ws`",
        needs: &["node"],
        asks: "WebSocket by Upgrade",
        run: |stage| stage.program("clients.cjs", "ws"),
    },
    Row {
        client: "Node `undici`",
        needs: &["node"],
        asks: "WebSocket by Upgrade; HTTP/2 by ALPN",
        run: |stage| stage.program("clients.cjs", "undici"),
    },
    Row {
        client: "Python `websockets`",
        needs: &["python packages"],
        asks: "WebSocket by Upgrade",
        run: |stage| stage.program("clients.py", "websockets_clear_and_tls"),
    },
    Row {
        client: "Python `websockets`, where WebSocket is not allowed",
        needs: &["python packages"],
        asks: "WebSocket by Upgrade",
        run: |stage| stage.program("clients.py", "websockets_426"),
    },
    Row {
        client: "Python `websocket-client`",
        needs: &["python packages"],
        asks: "WebSocket by Upgrade",
        run: |stage| stage.program("clients.py", "websocket_client"),
    },
    Row {
        client: "ApacheBench, `ab -k`",
        needs: &["ab"],
        asks: "HTTP/1.0",
        run: |stage| {
            let ask =
                |path: &str| run("ab", &["-k", "-q", "-n", "50", &stage.gateway.url(path)]).stdout;
            let (admitted, refused) = (ask("/orders"), ask("/modern/a"));
            let kept =
                admitted.contains("Keep-Alive requests:    50") && !admitted.contains("Non-2xx");
            let told = refused.contains("Non-2xx responses:      50");
            format!("admitted and kept alive: {kept}; refused where HTTP/1.1 is required: {told}")
        },
    },
    Row {
        client: "nginx, `proxy_http_version 1.0`",
        needs: &["nginx", "curl"],
        asks: "HTTP/1.0, as a proxy in front",
        run: |stage| {
            let nginx = Nginx::with(&format!(
                "location /front/ {{ proxy_http_version 1.0; proxy_pass {}/; }}",
                stage.gateway.url("")
            ));
            let ask = |path: &str| {
                stage.gateway.curl(&[&format!("http://{}/front{path}", nginx.address())])
            };
            let (admitted, refused) = (ask("/orders"), ask("/modern/a"));
            let named = refused.text().contains("proxy_http_version 1.1");
            format!(
                "admitted: {}; refused: {}, the body names the fix: {named}",
                admitted.status, refused.status
            )
        },
    },
];

/// It exits with 0 whatever happens, so its talk is read.
fn nghttp(url: &str, more: &[&str]) -> String {
    let words: Vec<&str> = ["--verbose", "-u"].iter().chain(more).copied().chain([url]).collect();
    let text = run("nghttp", &words).ok();
    let switched = text.contains("HTTP Upgrade success");
    let status = text
        .lines()
        .find_map(|line| line.split(":status: ").nth(1))
        .unwrap_or("no status")
        .trim()
        .to_owned();
    let broken = text.lines().find(|line| {
        line.contains("GOAWAY") && !line.contains("error_code=NO_ERROR") && line.contains("recv")
    });
    let broken = broken.map(|line| format!("; {}", line.trim())).unwrap_or_default();
    format!("{} → HTTP/2 {status}{broken}", if switched { "101" } else { "no switch" })
}
