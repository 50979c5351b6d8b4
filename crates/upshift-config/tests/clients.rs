//! What real clients send, through a policy file: see `conformance/clients/README.md`.
#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::collections::BTreeSet;

use serde::Deserialize;
use upshift_core::{Facts, HttpVersion, Known, Timestamp, TlsState};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    #[serde(default = "user_agent")]
    field: String,
    value: String,
    seen: String,
    client: String,
    reads: String,
    reason: String,
    verdict: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    sent: Vec<Sent>,
}

fn user_agent() -> String {
    "User-Agent".to_owned()
}

fn fixture() -> Vec<Sent> {
    let text = include_str!("../../../conformance/clients/sent.toml");
    toml::from_str::<Fixture>(text).unwrap().sent
}

/// Kind: what a real client sends is not read, or read as something else, so that no setting gates
/// it, or it is refused by mistake.
#[test]
fn clients_are_read_and_judged_as_the_fixture_says() {
    let wrong: Vec<String> = fixture().iter().filter_map(fault).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A fixture that shrinks proves less, and a row without its source proves nothing.
#[test]
fn the_fixture_has_enough_rows_and_each_names_its_source() {
    let rows = fixture();
    let distinct: BTreeSet<(&str, &str)> =
        rows.iter().map(|row| (row.field.as_str(), row.value.as_str())).collect();
    assert!(distinct.len() >= 120, "{} distinct values", distinct.len());
    assert!(rows.iter().all(|row| row.seen.len() > 5));
}

/// What is wrong with a row.
fn fault(row: &Sent) -> Option<String> {
    let policy = format!("[[rule]]\nid = \"client\"\nrequire = {{ client = {} }}\n", row.client);
    let file = match upshift_config::load(&policy, "fixture.toml") {
        Ok(loaded) => loaded.file,
        Err(errors) => return Some(errors.iter().map(ToString::to_string).collect()),
    };
    let fields = vec![(row.field.clone(), row.value.clone())];
    let decision = file.policy.decide(&facts(&fields), Timestamp::UNIX_EPOCH);
    let top = decision.top()?;
    let read = top.observed.first().map_or("", |observed| &observed.value);
    let found = (read, top.reason.as_str(), decision.verdict.as_str());
    let wanted = (row.reads.as_str(), row.reason.as_str(), row.verdict.as_str());
    (found != wanted)
        .then(|| format!("{} under {}: {found:?}, wanted {wanted:?}", row.value, row.client))
}

fn facts(fields: &Vec<(String, String)>) -> Facts<'_> {
    Facts {
        method: "GET",
        host: "example.com",
        path: "/",
        query: None,
        hop: HttpVersion::V1_1,
        http: Known::Is(HttpVersion::V1_1),
        tls: Known::Is(TlsState::Cleartext),
        client_ip: None,
        fields,
        has_content: false,
        protocol: None,
    }
}
