//! Which real client does which transition with the gateway: `docs/clients.md`, written and held in
//! step by this test.
//!
//! `UPSHIFT_WRITE=1 cargo xtask interop real_clients` writes the page. A row whose client is not
//! installed stays as it is.

use std::path::{Path, PathBuf};

use interop::{Gateway, Output, Reply, Scratch, Upstreams, missing, run, script, skip};

mod in_clear;
mod in_tls;
mod printing;

/// The gateway with every transition switched on, and upstreams that can answer them.
struct Stage {
    upstreams: Upstreams,
    gateway: Gateway,
}

/// A line of the table.
#[derive(Clone, Copy)]
struct Row {
    /// The client, and how it is asked.
    client: &'static str,
    /// The programs that it needs here.
    needs: &'static [&'static str],
    /// What it asks for.
    asks: &'static str,
    /// Asks, and says what came of it.
    run: fn(&Stage) -> String,
}

const RULES: &str = r#"
[[rule]]
id      = "chat"
paths   = ["/chat"]
require = { websocket = { version = 13 } }

[[rule]]
id      = "no-sockets"
paths   = ["/no-sockets"]
require = { websocket = false }

[[rule]]
id      = "feeds"
paths   = ["/feeds/**"]
require = { http = "2" }

[[rule]]
id      = "video"
paths   = ["/video/**"]
require = { http = "3" }

[[rule]]
id      = "modern"
paths   = ["/modern/**"]
require = { http = "1.1" }

[[rule]]
id      = "printers"
paths   = ["/ipp/**", "/printers/**"]
require = { tls = "1.2" }
"#;

const HEAD: &str = "# Tested clients

Results of real clients, as released, with the gateway. The test `real_clients` generates the table,
and fails when a result changes.

";

const FOOT: &str = "
Apache HttpClient 5.2, the version in Debian, does not offer an upgrade. Versions 5.4 and later offer
`TLS/1.2` on every request; `conformance/9110-7.8/unknown-offers.toml` has such a request as bytes.
The offer is ignored and the request is served.

Not covered: WebSocket over HTTP/3 (RFC 9220), which the gateway's codec does not support yet, so
the setting is not sent; and `Upgrade: h2c` inside TLS, which is ignored.
";

#[test]
fn the_table_of_clients_is_what_they_do() {
    let page = page();
    let stands = std::fs::read_to_string(&page).unwrap_or_default();
    let stage = missing("node packages").is_none().then(Stage::start);
    let rows = [in_clear::ROWS, in_tls::ROWS, printing::ROWS].concat();
    let mut table = String::from("| client | transition | result |\n|---|---|---|\n");
    for row in &rows {
        let begin = format!("| {} | {} | ", row.client, row.asks);
        let absent = row.needs.iter().find_map(|name| missing(name));
        let line = match (&stage, absent) {
            (Some(stage), None) => format!("{begin}{} |", (row.run)(stage)),
            (_, absent) => {
                skip(
                    &format!("real_clients: {}", row.client),
                    &absent.unwrap_or_else(|| "no upstream".to_owned()),
                );
                stands.lines().find(|line| line.starts_with(&begin)).unwrap_or(&begin).to_owned()
            }
        };
        table.push_str(&line);
        table.push('\n');
    }
    let written = format!("{HEAD}{table}{FOOT}");
    if std::env::var_os("UPSHIFT_WRITE").is_some() {
        std::fs::write(&page, &written)
            .unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        return;
    }
    let changed: Vec<&str> =
        written.lines().filter(|line| !stands.lines().any(|stood| stood == *line)).collect();
    assert!(
        written == stands,
        "docs/clients.md says otherwise (UPSHIFT_WRITE=1 writes it):\n{}",
        changed.join("\n")
    );
}

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/clients.md")
}

impl Stage {
    fn start() -> Self {
        let upstreams = Upstreams::start();
        let certificate = upstreams.certificate();
        let more = format!(
            "http3 = true\nh2c-upgrade = true\nin-band-tls = true\ndangerous-allow-opossum = true\n\
             [gateway.tls]\ncertificate = \"{}\"\nkey = \"{}\"",
            certificate.file().display(),
            certificate.key().display()
        );
        let gateway = Gateway::with(upstreams.clear(), &more, RULES, &[]);
        Self { upstreams, gateway }
    }

    /// What `PROGRAM CLIENT HTTP HTTPS` prints.
    fn program(&self, program: &str, client: &str) -> String {
        said(script(
            program,
            &[client, &self.gateway.http().to_string(), &self.gateway.https().to_string()],
        ))
    }
}

/// The last line of data; or that it failed, with the last line that it said.
fn said(output: Output) -> String {
    let last = |text: &str| text.trim().lines().last().unwrap_or_default().trim().to_owned();
    if output.code == 0 {
        last(&output.stdout)
    } else {
        format!("failed: {}", last(&output.stderr))
    }
}

/// `101 → HTTP/2 200`: what curl was answered.
fn answered(reply: &Reply) -> String {
    match reply.status {
        // What follows the 101 is the answer in the new protocol.
        101 => format!("101 → {}", answered(&Reply::read(&reply.body))),
        status => format!("{} {status}", reply.protocol),
    }
}
