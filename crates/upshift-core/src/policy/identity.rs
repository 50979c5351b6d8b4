//! Who calls, for the ramp and the breaker. Identities are compared and hashed, never logged.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::requirement::FieldName;
use super::rollout::trimmed;
use crate::{Facts, Fields};

/// A place where a caller's identity stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityReader {
    /// `header:NAME`: the value of a field.
    Header(FieldName),
    /// `cookie:NAME`: the value of a cookie.
    Cookie(Box<str>),
    /// `jwt-unverified:CLAIM`: a claim of the bearer's token, whose signature is not checked here.
    JwtUnverified(Box<str>),
    /// `peer`: the client's address. Many share one behind a NAT.
    Peer,
}

impl IdentityReader {
    /// The field that it reads, in lower case.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Header(name) => Some(name.lower()),
            Self::Cookie(_) => Some("cookie"),
            Self::JwtUnverified(_) => Some("authorization"),
            Self::Peer => None,
        }
    }

    fn read(&self, facts: &Facts<'_>) -> Option<String> {
        let value = match self {
            Self::Header(name) => std::str::from_utf8(facts.fields.nth(name.lower(), 0)?).ok().map(str::to_owned),
            Self::Cookie(name) => cookie(facts.fields, name).map(str::to_owned),
            Self::JwtUnverified(claim) => jwt_claim(facts.fields, claim),
            Self::Peer => facts.peer.map(|peer| peer.to_canonical().to_string()),
        }?;
        Some(trimmed(&value)).filter(|value| !value.is_empty()).map(str::to_owned)
    }
}

/// As the policy file writes it.
impl std::fmt::Display for IdentityReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header:{}", name.written()),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::JwtUnverified(claim) => write!(f, "jwt-unverified:{claim}"),
            Self::Peer => f.write_str("peer"),
        }
    }
}

/// The identity that the first of `readers` yields, without outer spaces and tabs; never empty.
pub fn identity(readers: &[IdentityReader], facts: &Facts<'_>) -> Option<String> {
    readers.iter().find_map(|reader| reader.read(facts))
}

/// RFC 6265 §4.2.1, and RFC 9113 §8.2.3: HTTP/2 may split the field.
fn cookie<'f>(fields: &'f dyn Fields, name: &str) -> Option<&'f str> {
    fields.all("cookie").filter_map(|line| std::str::from_utf8(line).ok()).flat_map(|line| line.split(';')).find_map(
        |pair| {
            let (have, value) = pair.trim().split_once('=')?;
            (have == name).then_some(value.trim())
        },
    )
}

fn jwt_claim(fields: &dyn Fields, claim: &str) -> Option<String> {
    let (scheme, token) = fields.text("authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let payload = URL_SAFE_NO_PAD.decode(token.trim().split('.').nth(1)?).ok()?;
    let payload: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    match payload.get(claim)? {
        serde_json::Value::String(text) => Some(text.trim().to_owned()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
