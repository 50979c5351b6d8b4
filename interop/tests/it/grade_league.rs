//! What real clients do with the mock peers: `docs/league/clients.md`.
//!
//! `cargo xtask league clients` grades them with the whole catalogue and writes the page. The test
//! repeats the cases of the second table. A client that is not installed, or has another version
//! than on the page, keeps its rows.

use std::path::{Path, PathBuf};

use interop::{GRADED_CLIENTS, GradedClient, missing, skip};
use serde_json::Value;

/// The cases of the second table, which do not depend on time.
const CASES: [&str; 8] = [
    "right-426-tls",
    "comma-upgrade",
    "426-then-close",
    "bare-426",
    "empty-upgrade",
    "426-http10-only",
    "h2c-on-200",
    "right-websocket",
];

/// The rows of a client, one for each table.
struct ClientRows {
    grade: String,
    cases: String,
}

#[test]
fn the_page_of_clients_is_what_they_do() {
    let page = std::fs::read_to_string(page_file()).unwrap_or_default();
    if std::env::var_os("UPSHIFT_WRITE").is_some() {
        write_page(&page);
        return;
    }
    let mut compared = 0;
    for client in GRADED_CLIENTS {
        if let Some(why) = missing_peer(&client) {
            skip("grade_league", &why);
            continue;
        }
        let title = client.title();
        let Some(rows) = rows_on_page(&page, &title) else { continue };
        let report = client.grade(&CASES);
        assert_eq!(case_row(&title, &report), rows.cases, "cargo xtask league clients writes it");
        compared += 1;
    }
    // The versions of Debian and the pinned packages are on the page.
    assert!(compared > 0, "no client of docs/league/clients.md has the version of the page");
}

fn write_page(page: &str) {
    let mut rows = Vec::new();
    for client in GRADED_CLIENTS {
        if missing_peer(&client).is_some() {
            rows.extend(rows_on_page(page, client.name));
            continue;
        }
        let title = client.title();
        let report = client.grade(&[]);
        rows.push(ClientRows {
            grade: grade_row(&title, &report),
            cases: case_row(&title, &report),
        });
    }
    let folder = page_file().parent().map(Path::to_path_buf).unwrap_or_default();
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(page_file(), render_page(&rows)))
        .unwrap_or_else(|error| panic!("{}: {error}", page_file().display()));
}

fn page_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/league/clients.md")
}

fn missing_peer(client: &GradedClient) -> Option<String> {
    client.needs.iter().find_map(|peer| missing(peer))
}

/// The rows of the client whose title begins so.
fn rows_on_page(page: &str, title: &str) -> Option<ClientRows> {
    let start = format!("| {title} ");
    let mut lines = page.lines().filter(|line| line.starts_with(&start)).map(str::to_owned);
    Some(ClientRows { grade: lines.next()?, cases: lines.next()? })
}

/// Letter, points, the number of peers that it followed, and the peers with which it was wrong.
fn grade_row(title: &str, report: &Value) -> String {
    let peers = report["peers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let followed = peers.iter().filter(|peer| did(peer).contains(&"followed")).count();
    let mut wrong = Vec::new();
    for peer in peers.iter().filter(|peer| peer["verdict"] == "wrong") {
        let name = peer["peer"].as_str().unwrap_or_default();
        wrong.push(format!("`{name}` ({})", did(peer).join(", ")));
    }
    let wrong = if wrong.is_empty() { "–".to_owned() } else { wrong.join("; ") };
    let letter = report["letter"].as_str().unwrap_or("–");
    let (points, most) = (&report["points"], &report["most_points"]);
    format!("| {title} | **{letter}** | {points} of {most} | {followed} | {wrong} |")
}

fn case_row(title: &str, report: &Value) -> String {
    let peers = report["peers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut cells = Vec::new();
    for case in CASES {
        let peer = peers.iter().find(|peer| peer["peer"] == case);
        cells.push(peer.map(case_cell).unwrap_or_default());
    }
    format!("| {title} | {} |", cells.join(" | "))
}

/// What the client did; in bold where it was wrong.
fn case_cell(peer: &Value) -> String {
    let mut behaviours = did(peer);
    // CUPS repeats a request if it sees the end of the connection early enough.
    behaviours.retain(|behaviour| *behaviour != "retried");
    let did = behaviours.join(", ");
    match peer["verdict"].as_str() {
        Some("wrong") => format!("**{did}**"),
        Some("unsupported") => "–".to_owned(),
        _ => did,
    }
}

fn did(peer: &Value) -> Vec<&str> {
    let behaviours = peer["behaviours"].as_array().into_iter().flatten();
    behaviours.filter_map(Value::as_str).collect()
}

fn render_page(rows: &[ClientRows]) -> String {
    let mut text = "# What real clients do with a 426

Clients as Debian, PyPI and npm ship them, run by [`upshift grade`](../grade.md) against all peers
of the [mock](../mock-peers.md), with a time limit of five seconds where they have one. `cargo xtask
league clients` grades them and writes this page; a test repeats the second table.

## Grades

`followed` is the number of peers whose 426 the client followed to the protocol that was demanded. git
asks for a repository and CUPS for IPP, so that the peers' content is a failure to both, except that
`right-tls-in-band` answers IPP.

| client | grade | points | followed | wrong |
|---|---|---|---|---|
"
    .to_owned();
    for row in rows {
        text.push_str(&format!("{}\n", row.grade));
    }
    text.push_str(&format!(
        "\n## Some cases\n\nA case in bold was handled wrong. `–`: the client does not support it.\n\n\
         | client | {} |\n|{}\n",
        CASES.join(" | "),
        "---|".repeat(CASES.len() + 1)
    ));
    for row in rows {
        text.push_str(&format!("{}\n", row.cases));
    }
    text
}
