//! The catalogue: peers that behave as servers in the field do, right and wrong.

use super::error::MockError;
use super::scenario::Scenario;
use crate::nearest_name::nearest_name;

/// The files of the catalogue, by name.
const FILES: &[(&str, &str)] = &[
    ("101-and-preface-joined", include_str!("../../catalogue/101-and-preface-joined.toml")),
    ("101-and-preface-split", include_str!("../../catalogue/101-and-preface-split.toml")),
    ("101-before-100", include_str!("../../catalogue/101-before-100.toml")),
    ("101-over-h2", include_str!("../../catalogue/101-over-h2.toml")),
    ("101-then-close", include_str!("../../catalogue/101-then-close.toml")),
    ("101-then-reset", include_str!("../../catalogue/101-then-reset.toml")),
    ("101-to-http10", include_str!("../../catalogue/101-to-http10.toml")),
    ("101-two-protocols", include_str!("../../catalogue/101-two-protocols.toml")),
    ("101-without-upgrade", include_str!("../../catalogue/101-without-upgrade.toml")),
    ("101-wrong-protocol", include_str!("../../catalogue/101-wrong-protocol.toml")),
    ("421-over-h3", include_str!("../../catalogue/421-over-h3.toml")),
    ("426-before-body", include_str!("../../catalogue/426-before-body.toml")),
    ("426-half-close", include_str!("../../catalogue/426-half-close.toml")),
    ("426-http10-only", include_str!("../../catalogue/426-http10-only.toml")),
    ("426-inside-tls", include_str!("../../catalogue/426-inside-tls.toml")),
    ("426-leaked-fields", include_str!("../../catalogue/426-leaked-fields.toml")),
    ("426-loop", include_str!("../../catalogue/426-loop.toml")),
    ("426-names-current", include_str!("../../catalogue/426-names-current.toml")),
    ("426-retry-after", include_str!("../../catalogue/426-retry-after.toml")),
    ("426-then-close", include_str!("../../catalogue/426-then-close.toml")),
    ("426-then-reset", include_str!("../../catalogue/426-then-reset.toml")),
    ("426-then-silent", include_str!("../../catalogue/426-then-silent.toml")),
    ("alpn-mismatch", include_str!("../../catalogue/alpn-mismatch.toml")),
    ("alt-svc-dead", include_str!("../../catalogue/alt-svc-dead.toml")),
    ("app-version-426", include_str!("../../catalogue/app-version-426.toml")),
    ("bad-upgrade-token", include_str!("../../catalogue/bad-upgrade-token.toml")),
    ("bare-426", include_str!("../../catalogue/bare-426.toml")),
    ("bare-lf-426", include_str!("../../catalogue/bare-lf-426.toml")),
    ("broken-tls", include_str!("../../catalogue/broken-tls.toml")),
    ("cacheable-426", include_str!("../../catalogue/cacheable-426.toml")),
    ("comma-upgrade", include_str!("../../catalogue/comma-upgrade.toml")),
    ("cut-426", include_str!("../../catalogue/cut-426.toml")),
    ("cut-head", include_str!("../../catalogue/cut-head.toml")),
    ("downgrade-after-tls", include_str!("../../catalogue/downgrade-after-tls.toml")),
    ("early-goodbye", include_str!("../../catalogue/early-goodbye.toml")),
    ("early-hints-426", include_str!("../../catalogue/early-hints-426.toml")),
    ("empty-upgrade", include_str!("../../catalogue/empty-upgrade.toml")),
    ("folded-upgrade", include_str!("../../catalogue/folded-upgrade.toml")),
    ("h2-goaway", include_str!("../../catalogue/h2-goaway.toml")),
    ("h2-http11-required", include_str!("../../catalogue/h2-http11-required.toml")),
    ("h2-token", include_str!("../../catalogue/h2-token.toml")),
    ("h2-with-upgrade", include_str!("../../catalogue/h2-with-upgrade.toml")),
    ("h2c-on-200", include_str!("../../catalogue/h2c-on-200.toml")),
    ("h3-only", include_str!("../../catalogue/h3-only.toml")),
    ("https-port-426", include_str!("../../catalogue/https-port-426.toml")),
    ("huge-upgrade", include_str!("../../catalogue/huge-upgrade.toml")),
    ("ignores-offers", include_str!("../../catalogue/ignores-offers.toml")),
    ("location-426", include_str!("../../catalogue/location-426.toml")),
    ("no-length-426", include_str!("../../catalogue/no-length-426.toml")),
    ("redirect-then-426", include_str!("../../catalogue/redirect-then-426.toml")),
    ("rejects-offers", include_str!("../../catalogue/rejects-offers.toml")),
    ("right-426-h2c", include_str!("../../catalogue/right-426-h2c.toml")),
    ("right-426-tls", include_str!("../../catalogue/right-426-tls.toml")),
    ("right-tls-in-band", include_str!("../../catalogue/right-tls-in-band.toml")),
    ("right-websocket", include_str!("../../catalogue/right-websocket.toml")),
    ("silent", include_str!("../../catalogue/silent.toml")),
    ("slow-101", include_str!("../../catalogue/slow-101.toml")),
    ("split-upgrade-lines", include_str!("../../catalogue/split-upgrade-lines.toml")),
    ("tls12-only", include_str!("../../catalogue/tls12-only.toml")),
    ("tls13-only", include_str!("../../catalogue/tls13-only.toml")),
    ("two-responses", include_str!("../../catalogue/two-responses.toml")),
    ("unknown-protocol", include_str!("../../catalogue/unknown-protocol.toml")),
    ("unsolicited-101", include_str!("../../catalogue/unsolicited-101.toml")),
    ("upgrade-without-connection", include_str!("../../catalogue/upgrade-without-connection.toml")),
    ("ws-bad-accept", include_str!("../../catalogue/ws-bad-accept.toml")),
    ("ws-bad-version", include_str!("../../catalogue/ws-bad-version.toml")),
    ("ws-early-frame", include_str!("../../catalogue/ws-early-frame.toml")),
    ("ws-needs-ticket", include_str!("../../catalogue/ws-needs-ticket.toml")),
    ("ws-unoffered-subprotocol", include_str!("../../catalogue/ws-unoffered-subprotocol.toml")),
];

/// The names of all peers, in the order of the alphabet.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// The text of the scenario file of the peer with this name.
pub fn find_text(name: &str) -> Option<&'static str> {
    let (_, text) = FILES.iter().find(|(known, _)| *known == name)?;
    Some(text)
}

/// The scenario of the peer with this name.
///
/// # Errors
/// If no peer has this name: with the nearest name that one has.
pub fn find_scenario(name: &str) -> Result<Scenario, MockError> {
    match find_text(name) {
        Some(text) => Ok(Scenario::parse(text, &format!("{name}.toml"))?),
        None => {
            let nearest = nearest_name(name, names());
            Err(MockError::UnknownPeer { name: name.to_owned(), nearest })
        }
    }
}
