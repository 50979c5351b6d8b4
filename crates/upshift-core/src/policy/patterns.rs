//! Patterns of fields and clients.

use std::cmp::Ordering;
use std::fmt;

use super::client::{ClientReader, has_product};
use super::segments::{Case, Glob};
use crate::facts::Facts;
use crate::field::FieldName;
use crate::version::ClientVersion;

/// `Name`, or `Name: value` in which `*` is any run of characters.
#[derive(Clone, Debug)]
pub struct HeaderPattern {
    name: FieldName,
    value: Option<Glob>,
}

/// `Name`, or `Name/Version`.
#[derive(Clone, Debug)]
pub struct ClientPattern {
    name: Box<str>,
    version: Option<ClientVersion>,
}

/// The number of lines of a field that a value has to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineQuantifier {
    Any,
    All,
}

impl HeaderPattern {
    /// Reads `Name` or `Name: value`; `None` if the name is not a token.
    pub fn parse(text: &str) -> Option<Self> {
        let Some((name, value)) = text.split_once(':') else {
            return Some(Self { name: FieldName::parse(text.trim())?, value: None });
        };
        let name = FieldName::parse(name.trim())?;
        Some(Self { name, value: Some(Glob::parse(value.trim())) })
    }

    /// The field that it reads, in lower case.
    pub fn field(&self) -> &str {
        self.name.lower()
    }

    /// A value that fits: that of the pattern without its stars; `any` where every value does.
    pub fn example(&self) -> String {
        match &self.value {
            Some(value) if !value.is_any() => value.example(),
            _ => "any".to_owned(),
        }
    }

    pub(super) fn fits(&self, facts: &Facts<'_>, lines: LineQuantifier) -> bool {
        let name = self.name.lower();
        let Some(wanted) = &self.value else { return facts.fields.has(name) };
        let mut values = facts.fields.all(name).map(<[u8]>::trim_ascii);
        match lines {
            LineQuantifier::Any => values.any(|value| wanted.matches(value, Case::Exact)),
            LineQuantifier::All => {
                // `all` holds for no lines, which must not exempt a request without the field.
                facts.fields.has(name) && values.all(|value| wanted.matches(value, Case::Exact))
            }
        }
    }
}

impl ClientPattern {
    /// Reads `Name` or `Name/Version`; `None` if there is no name.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, version) = match text.split_once('/') {
            Some((name, version)) => (name, Some(ClientVersion::parse(version).ok()?)),
            None => (text, None),
        };
        let trimmed = name.trim();
        if trimmed.is_empty() {
            return None;
        }
        Some(Self { name: trimmed.into(), version })
    }

    pub(super) fn fits(
        &self,
        facts: &Facts<'_>,
        readers: &[ClientReader],
        lines: LineQuantifier,
    ) -> bool {
        if lines == LineQuantifier::All && has_contradictory_client(facts, readers) {
            return false;
        }
        for reader in readers {
            let Some(claim) = reader.claim(facts, &|name| self.is_named(name)) else { continue };
            // The first reader that yields a client counts, as for requirements. A name without a
            // version also fits a product beside the client itself.
            let Some(wanted) = &self.version else {
                return self.is_named(&claim.name) || self.is_product(facts);
            };
            if !claim.is_client || !self.is_named(&claim.name) {
                return false;
            }
            let Some(sent) = ClientVersion::parse_lenient(&claim.version) else { return false };
            return sent.compare_with(wanted) == Some(Ordering::Equal);
        }
        self.version.is_none() && self.is_product(facts)
    }

    fn is_named(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case(&self.name)
    }

    fn is_product(&self, facts: &Facts<'_>) -> bool {
        match facts.fields.text_lossy("user-agent") {
            Some(agent) => has_product(&agent, &self.name),
            None => false,
        }
    }
}

/// Returns true if a field that can name the client has lines that differ.
fn has_contradictory_client(facts: &Facts<'_>, readers: &[ClientReader]) -> bool {
    // `is_product` reads `User-Agent`, also where no reader does.
    facts.fields.is_contradictory("user-agent")
        || readers.iter().any(|reader| facts.fields.is_contradictory(reader.field()))
}

/// The pattern as the policy file writes it.
impl fmt::Display for ClientPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}/{version}", self.name),
            None => f.write_str(&self.name),
        }
    }
}
