//! The catalogue: peers that behave as servers in the field do, right and wrong.

use super::error::MockError;
use super::scenario::{Scenario, nearest_name};

/// The files of the catalogue, by name.
const FILES: &[(&str, &str)] = &[
    ("101-and-preface-joined", include_str!("../../catalogue/101-and-preface-joined.toml")),
    ("101-and-preface-split", include_str!("../../catalogue/101-and-preface-split.toml")),
    ("426-then-close", include_str!("../../catalogue/426-then-close.toml")),
    ("426-then-reset", include_str!("../../catalogue/426-then-reset.toml")),
    ("bare-426", include_str!("../../catalogue/bare-426.toml")),
    ("h2-with-upgrade", include_str!("../../catalogue/h2-with-upgrade.toml")),
    ("h3-only", include_str!("../../catalogue/h3-only.toml")),
    ("right-426-h2c", include_str!("../../catalogue/right-426-h2c.toml")),
    ("right-426-tls", include_str!("../../catalogue/right-426-tls.toml")),
    ("right-tls-in-band", include_str!("../../catalogue/right-tls-in-band.toml")),
    ("right-websocket", include_str!("../../catalogue/right-websocket.toml")),
    ("unsolicited-101", include_str!("../../catalogue/unsolicited-101.toml")),
    ("upgrade-without-connection", include_str!("../../catalogue/upgrade-without-connection.toml")),
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
