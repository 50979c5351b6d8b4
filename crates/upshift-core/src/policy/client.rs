//! Which client, and which version of it, sent a request.

use super::browser::{self, Browser};
use super::requirement::FieldName;
use crate::Facts;

/// A place where a client names itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientReader {
    /// `header:NAME`: the value is `Name/Version`.
    Header(FieldName),
    /// `header:NAME=CLIENT`: the value is a bare version of that client.
    HeaderOf(FieldName, Box<str>),
    /// `user-agent`: product tokens, then the family of the browser.
    UserAgent,
}

/// A name and the version that was sent for it, not yet read as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The client's name as it was sent (for a browser, its family's).
    pub name: &'a str,
    /// Its version as it was sent; empty if it sent none.
    pub version: &'a str,
}

impl ClientReader {
    /// The field that it reads, in lower case.
    pub fn field(&self) -> &str {
        match self {
            Self::Header(name) | Self::HeaderOf(name, _) => name.lower(),
            Self::UserAgent => "user-agent",
        }
    }

    /// What the request says here; `wanted` tells the names that a product token may have.
    pub fn claim<'a>(&'a self, facts: &Facts<'a>, wanted: &dyn Fn(&str) -> bool) -> Option<Claim<'a>> {
        match self {
            Self::Header(name) => {
                let value = facts.fields.text(name.lower()).filter(|value| !value.is_empty())?;
                let (name, version) = value.split_once('/').unwrap_or((value, ""));
                Some(Claim { name: name.trim(), version: version.trim() })
            }
            Self::HeaderOf(name, client) => {
                let version = facts.fields.text(name.lower()).filter(|value| !value.is_empty())?;
                Some(Claim { name: client, version })
            }
            Self::UserAgent => user_agent(facts.fields.text("user-agent")?, wanted),
        }
    }
}

/// As the policy file writes it.
impl std::fmt::Display for ClientReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header:{}", name.written()),
            Self::HeaderOf(name, client) => write!(f, "header:{}={client}", name.written()),
            Self::UserAgent => f.write_str("user-agent"),
        }
    }
}

/// Whether the product `name` is among the tokens of a `User-Agent` (RFC 9110 §10.1.5), compared without case.
pub fn has_product(user_agent: &str, name: &str) -> bool {
    products(user_agent).any(|product| product.name.eq_ignore_ascii_case(name))
}

/// The product tokens of a `User-Agent`, comments left out.
fn products(user_agent: &str) -> impl Iterator<Item = Claim<'_>> {
    let mut depth = 0_u32;
    user_agent
        .split_inclusive([' ', '\t', '(', ')'])
        .filter_map(move |piece| {
            let inside = depth > 0;
            match piece.as_bytes().last() {
                Some(b'(') => depth += 1,
                Some(b')') => depth = depth.saturating_sub(1),
                _ => {}
            }
            (!inside).then(|| piece.trim_end_matches([' ', '\t', '(', ')']))
        })
        .filter(|token| !token.is_empty())
        .map(|token| {
            let (name, version) = token.split_once('/').unwrap_or((token, ""));
            Claim { name, version: version.trim_end_matches([';', ',']) }
        })
}

/// Browsers write each other's tokens (`Chrome/120 Safari/537.36`), so a browser is known by its family only, and a
/// product token counts for every other name.
fn user_agent<'a>(value: &'a str, wanted: &dyn Fn(&str) -> bool) -> Option<Claim<'a>> {
    if value.is_empty() {
        return None;
    }
    if let Some(product) = products(value).find(|product| wanted(product.name) && !browser::is_family(product.name)) {
        return Some(product);
    }
    match browser::detect(value) {
        Some(Browser { family, version }) => Some(Claim { name: family, version }),
        None => products(value).next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_read_outside_comments() {
        let claims: Vec<_> = products("AcmeApp/5.1 (iPhone; Fake/9 (deep/1)) CFNetwork/1.2").collect();
        let names: Vec<_> = claims.iter().map(|claim| (claim.name, claim.version)).collect();
        assert_eq!(names, [("AcmeApp", "5.1"), ("CFNetwork", "1.2")]);
    }

    #[test]
    fn a_browser_is_known_by_its_family() {
        let wanted = |name: &str| ["Chrome", "Safari", "AcmeApp"].contains(&name);
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36";
        assert_eq!(user_agent(chrome, &wanted), Some(Claim { name: "Chrome", version: "120.0.0.0" }));
        let safari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.6 Safari/605.1.15";
        assert_eq!(user_agent(safari, &wanted), Some(Claim { name: "Safari", version: "15.6" }));
        let app = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/120.0 AcmeApp/4.9";
        assert_eq!(user_agent(app, &wanted), Some(Claim { name: "AcmeApp", version: "4.9" }));
        assert_eq!(user_agent("curl/8.1.2", &wanted), Some(Claim { name: "curl", version: "8.1.2" }));
    }
}
