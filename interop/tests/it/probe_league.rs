//! What real servers answer over every lane: `docs/league/servers.md`, written and held in step by
//! this test.
//!
//! `cargo xtask league servers` writes the page. A server that is not installed, or has another
//! version than on the page, keeps its rows.

use std::path::{Path, PathBuf};

use interop::{PROBED_SERVERS, ProbedServer, missing, server_version, skip};
use serde_json::Value;

/// The lanes, in the order of the first table.
const LANES: [&str; 10] = [
    "h1.0",
    "h1.1",
    "h2c-upgrade",
    "h2c-prior",
    "h2",
    "h3",
    "ws",
    "tls1.2",
    "tls1.3",
    "tls-inband",
];

/// The further questions, in the order of the second table.
const EXTRAS: [&str; 8] =
    ["http/0.9", "http/3.7", "token", "tokens", "ws-99", "ssl3", "tls1.0", "tls1.1"];

/// The rows of a server, one for each table.
struct ServerRows {
    lanes: String,
    extras: String,
    findings: String,
}

#[test]
fn the_page_of_servers_is_what_they_answer() {
    let page = std::fs::read_to_string(page_file()).unwrap_or_default();
    let mut rows = Vec::new();
    for (name, needs) in PROBED_SERVERS {
        let absent = needs.iter().find_map(|peer| missing(peer));
        match absent {
            Some(why) => {
                skip("probe_league", &why);
                rows.extend(rows_on_page(&page, name, None));
            }
            None => rows.push(probe_server(&page, name)),
        }
    }
    let text = render_page(&rows);
    if std::env::var_os("UPSHIFT_WRITE").is_some() {
        let folder = page_file().parent().map(Path::to_path_buf).unwrap_or_default();
        std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(page_file(), &text))
            .unwrap_or_else(|error| panic!("{}: {error}", page_file().display()));
        return;
    }
    assert!(
        text == page,
        "docs/league/servers.md says otherwise (cargo xtask league servers writes it):\n{text}"
    );
}

fn page_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/league/servers.md")
}

/// The rows of a server: those on the page if they are of another version, and nothing is written.
fn probe_server(page: &str, name: &str) -> ServerRows {
    let version = server_version(name);
    if std::env::var_os("UPSHIFT_WRITE").is_none()
        && let Some(rows) = rows_on_page(page, name, Some(&version))
    {
        return rows;
    }
    let server = ProbedServer::start(name);
    let (report, _) = server.probe();
    rows_of(&format!("{name} {version}"), &report)
}

/// The rows of a server on the page, unless it has this version there.
fn rows_on_page(page: &str, name: &str, version: Option<&str>) -> Option<ServerRows> {
    let start = format!("| {name} ");
    let mut lines = page.lines().filter(|line| line.starts_with(&start)).map(str::to_owned);
    let rows = ServerRows { lanes: lines.next()?, extras: lines.next()?, findings: lines.next()? };
    match version {
        Some(version) if rows.lanes.starts_with(&format!("{start}{version} |")) => None,
        _ => Some(rows),
    }
}

fn rows_of(server: &str, report: &Value) -> ServerRows {
    ServerRows {
        lanes: format!("| {server} | {} |", cells(&report["lanes"], &LANES)),
        extras: format!("| {server} | {} |", cells(&report["extras"], &EXTRAS)),
        findings: format!("| {server} | {} | {} |", promises(report), hops(report)),
    }
}

fn cells(rows: &Value, names: &[&str]) -> String {
    let list = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut cells = Vec::new();
    for name in names {
        let row = list.iter().find(|row| row["question"] == *name);
        cells.push(row.map(cell).unwrap_or_default());
    }
    cells.join(" | ")
}

/// `200`, `426 (websocket)`, `101 → 200`, `declined: 400`, `–`.
fn cell(row: &Value) -> String {
    let status = row["status"].as_u64().map(|status| status.to_string()).unwrap_or_default();
    let reason = row["reason"].as_str().unwrap_or_default();
    match row["outcome"].as_str().unwrap_or_default() {
        "not-asked" => "–".to_owned(),
        "switched" if status.is_empty() => "**101**".to_owned(),
        "switched" => format!("**101 → {status}**"),
        "accepted" => "**accepted**".to_owned(),
        "declined" if status.is_empty() => "declined".to_owned(),
        "declined" => format!("declined: {status}"),
        "failed" if reason.contains("UDP port closed") => "closed".to_owned(),
        "failed" if reason.starts_with("the 101 has") => "wrong 101".to_owned(),
        "failed" => "no answer".to_owned(),
        _ => status + &offer_text(row),
    }
}

fn offer_text(row: &Value) -> String {
    let mut names = Vec::new();
    for name in row["upgrade"].as_array().into_iter().flatten() {
        names.extend(name.as_str());
    }
    if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
}

fn promises(report: &Value) -> String {
    let mut texts = Vec::new();
    for promise in report["promises"].as_array().into_iter().flatten() {
        let what = promise["what"].as_str().unwrap_or_default();
        // The ports differ from run to run.
        let what = what.split(" at :").next().unwrap_or_default();
        let what = if what.contains("://") { "an `https` URL" } else { what };
        let verdict = promise["verdict"].as_str().unwrap_or_default().replace('-', " ");
        let text = format!("{what}: {verdict}");
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    if texts.is_empty() { "–".to_owned() } else { texts.join("; ") }
}

fn hops(report: &Value) -> String {
    let mut ids = Vec::new();
    for hop in report["hops"].as_array().into_iter().flatten() {
        ids.push(format!("`{}`", hop["id"].as_str().unwrap_or_default()));
    }
    if ids.is_empty() { "–".to_owned() } else { ids.join(", ") }
}

fn render_page(rows: &[ServerRows]) -> String {
    let mut text = "# What real servers answer

Servers as Debian and PyPI ship them, on loopback, with a configuration that turns on what they
have and nothing else ([`interop/programs/probe`](../../interop/programs/probe)). `cargo xtask
league servers` starts and probes them, and writes this page; a test fails when a server answers
something else.

## Lanes

A number is the status of the final response. In parentheses is what its `Upgrade` names. **101** is
a switch that worked, `wrong 101` one to a protocol that was not offered. `declined` is an answer in
another protocol, and `–` a lane that the server has no port for.

"
    .to_owned();
    push_table(&mut text, &LANES, rows.iter().map(|row| &row.lanes));
    text.push_str(
        "
## Old versions and unknown protocols

`token` offers `upshift-probe/1`, `tokens` offers `foo, bar/2`, `ws-99` is a WebSocket handshake of
version 99. **Accepted** means that the server speaks the old version. A server may ignore an offer
(RFC 9110 §7.8), so its answer to `token` and `tokens` should be the one to `h1.1`.

",
    );
    push_table(&mut text, &EXTRAS, rows.iter().map(|row| &row.extras));
    text.push_str(
        "
## Promises and findings

What the responses announce, and whether the server keeps it; and the findings of
[`upshift probe`](../probe.md#between-you-and-the-server), by name.

",
    );
    push_table(&mut text, &["promises", "findings"], rows.iter().map(|row| &row.findings));
    text
}

fn push_table<'r>(text: &mut String, columns: &[&str], rows: impl Iterator<Item = &'r String>) {
    text.push_str(&format!("| server | {} |\n", columns.join(" | ")));
    text.push_str(&format!("|{}\n", "---|".repeat(columns.len() + 1)));
    for row in rows {
        text.push_str(row);
        text.push('\n');
    }
}
