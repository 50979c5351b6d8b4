//! Each faulty peer of the mock is found by `upshift probe`: `docs/league/peers.md`, held in step by
//! this test.
//!
//! `cargo xtask league peers` writes the page.

use std::path::{Path, PathBuf};
use std::process::Command;

use interop::{Program, binary, upshift};
use serde_json::Value;

/// What shows the fault of a peer in the report of the probe.
#[derive(Clone, Copy)]
enum Evidence {
    /// A note.
    Note(&'static str),
    /// A finding about the hops in between.
    Hop(&'static str),
    /// A promise that is not delivered, and that begins so.
    Promise(&'static str),
    /// A question with an outcome that a correct server does not have.
    Outcome(&'static str, &'static str),
    /// Nothing, for this reason.
    Unseen(&'static str),
}

use Evidence::{Hop, Note, Outcome, Promise, Unseen};

/// The faulty peers, in the order of the catalogue.
const PEERS: [(&str, Evidence); 40] = [
    ("101-before-100", Unseen("the probe sends no content, and so expects no 100")),
    ("101-over-h2", Note("U057")),
    ("101-then-close", Outcome("h2c-upgrade", "failed")),
    ("101-then-reset", Outcome("h2c-upgrade", "failed")),
    ("101-to-http10", Note("U058")),
    ("101-two-protocols", Note("U056")),
    ("101-without-upgrade", Note("U054")),
    ("101-wrong-protocol", Note("U056")),
    ("426-inside-tls", Note("U006")),
    ("426-leaked-fields", Note("U046")),
    ("426-loop", Promise("h2c")),
    ("426-names-current", Note("U005")),
    ("426-then-reset", Unseen("the 426 is complete before the reset")),
    ("426-then-silent", Promise("h2c")),
    ("alpn-mismatch", Outcome("h2", "declined")),
    ("alt-svc-dead", Promise("HTTP/3.0")),
    ("app-version-426", Note("U001")),
    ("bad-upgrade-token", Note("U004")),
    ("bare-426", Note("U001")),
    ("bare-lf-426", Outcome("h1.1", "failed")),
    ("broken-tls", Promise("TLS/1.2")),
    ("cacheable-426", Note("U012")),
    ("comma-upgrade", Note("U041")),
    ("cut-426", Note("U104")),
    ("cut-head", Outcome("h1.1", "failed")),
    ("downgrade-after-tls", Note("U005")),
    ("early-goodbye", Unseen("the request is on its way when the 408 comes, so it looks answered")),
    ("empty-upgrade", Note("U003")),
    ("folded-upgrade", Outcome("h1.1", "failed")),
    ("h2-token", Note("U030")),
    ("h2-with-upgrade", Note("U045")),
    ("huge-upgrade", Unseen("8 KiB are within the limits of the probe, and legal")),
    ("location-426", Note("U011")),
    ("rejects-offers", Hop("offer-refused")),
    ("silent", Outcome("h1.1", "failed")),
    ("two-responses", Unseen("the probe sends one request on a connection")),
    ("unsolicited-101", Note("U055")),
    ("upgrade-without-connection", Note("U002")),
    ("ws-bad-accept", Note("U068")),
    ("ws-unoffered-subprotocol", Note("U069")),
];

#[test]
fn each_faulty_peer_is_found() {
    assert_eq!(faulty_peers(), PEERS.map(|(name, _)| name));
    let mut missed = Vec::new();
    for (name, evidence) in PEERS {
        let report = probe_peer(name);
        if !is_shown(evidence, &report) {
            missed.push(format!("{name}: {}", text_of(evidence)));
        }
    }
    assert_eq!(missed, Vec::<String>::new());
    let page = render_page();
    if std::env::var_os("UPSHIFT_WRITE").is_some() {
        std::fs::write(page_file(), page).unwrap_or_else(|error| panic!("peers.md: {error}"));
        return;
    }
    let written = std::fs::read_to_string(page_file()).unwrap_or_default();
    assert!(written == page, "cargo xtask league peers writes docs/league/peers.md:\n{page}");
}

/// The names of the peers that do something wrong.
fn faulty_peers() -> Vec<String> {
    let text = upshift(&["mock", "--list", "--json"]).ok();
    let peers: Vec<Value> = serde_json::from_str(&text).unwrap_or_default();
    let faulty = peers.iter().filter(|peer| !peer["wrong"].is_null());
    faulty.map(|peer| peer["name"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Plays the peer, and probes it.
fn probe_peer(name: &str) -> Value {
    let mut command = Command::new(binary());
    command.args(["mock", "--json", name]);
    let mut mock = Program::start(command);
    let listening: Value = mock.wait_for("the addresses", |lines| {
        lines.iter().find_map(|line| serde_json::from_str(line).ok())
    });
    let http = listening["http"].as_str().unwrap_or_default();
    let https = listening["https"].as_str().unwrap_or_default();
    let port = https.trim_end_matches('/').rsplit(':').next().unwrap_or_default();
    let arguments = ["probe", "--json", "--timeout", "2s", "--tls-port", port, http];
    // The exit code tells of errors, which is what most of the peers are for.
    let output = upshift(&arguments);
    serde_json::from_str(&output.stdout)
        .unwrap_or_else(|error| panic!("{name}: {error}: {output:?}"))
}

fn is_shown(evidence: Evidence, report: &Value) -> bool {
    match evidence {
        Note(id) => members(&report["notes"]).iter().any(|note| note["note"] == id),
        Hop(id) => members(&report["hops"]).iter().any(|hop| hop["id"] == id),
        Promise(start) => members(&report["promises"]).iter().any(|promise| {
            let what = promise["what"].as_str().unwrap_or_default();
            what.starts_with(start) && promise["verdict"] == "not-delivered"
        }),
        Outcome(question, outcome) => members(&report["lanes"])
            .iter()
            .any(|row| row["question"] == question && row["outcome"] == outcome),
        Unseen(_) => true,
    }
}

fn members(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text_of(evidence: Evidence) -> String {
    match evidence {
        Note(id) => format!("note [{id}](../notes.md)"),
        Hop(id) => format!("finding `{id}`"),
        Promise(start) => format!("promise `{start}`: not delivered"),
        Outcome(question, outcome) => format!("`{question}`: {outcome}"),
        Unseen(why) => format!("not found: {why}"),
    }
}

fn page_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/league/peers.md")
}

fn render_page() -> String {
    let mut text = "# What finds the faulty peers

Each faulty peer of the [mock](../mock-peers.md), and what shows its fault in the report of
[`upshift probe`](../probe.md). A test plays and probes each of them. `cargo xtask league peers`
writes this page.

| peer | found by |
|---|---|
"
    .to_owned();
    for (name, evidence) in PEERS {
        text.push_str(&format!("| `{name}` | {} |\n", text_of(evidence)));
    }
    text
}
