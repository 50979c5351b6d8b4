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

    /// Every identity that stands here, without outer spaces and tabs; none is empty.
    fn all(&self, facts: &Facts<'_>) -> Vec<String> {
        let values = match self {
            Self::Header(name) => header(facts.fields, name.lower()),
            Self::Cookie(name) => cookies(facts.fields, name),
            Self::JwtUnverified(claim) => jwt_claims(facts.fields, claim),
            Self::Peer => {
                facts.client_ip.iter().map(|peer| peer.to_canonical().to_string()).collect()
            }
        };
        let trimmed = values.iter().map(|value| trimmed(value));
        trimmed.filter(|value| !value.is_empty()).map(str::to_owned).collect()
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
///
/// `None` also for a request that sends different ones: the upstream may take another than the one
/// that is read here.
pub fn identity(readers: &[IdentityReader], facts: &Facts<'_>) -> Option<String> {
    let mut sent = identities(readers, facts);
    sent.dedup();
    match sent.as_slice() {
        [_] => sent.pop(),
        _ => None,
    }
}

/// Every identity that the first of `readers` to yield one finds.
pub(super) fn identities(readers: &[IdentityReader], facts: &Facts<'_>) -> Vec<String> {
    let mut all = readers.iter().map(|reader| reader.all(facts));
    all.find(|identities| !identities.is_empty()).unwrap_or_default()
}

fn header(fields: &dyn Fields, name: &str) -> Vec<String> {
    let lines = fields.all(name).filter_map(|line| std::str::from_utf8(line).ok());
    lines.map(str::to_owned).collect()
}

/// RFC 6265 §4.2.1, and RFC 9113 §8.2.3: HTTP/2 may split the field.
fn cookies(fields: &dyn Fields, name: &str) -> Vec<String> {
    let lines = fields.all("cookie").filter_map(|line| std::str::from_utf8(line).ok());
    let pairs =
        lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(have, _)| *have == name).map(|(_, value)| value.trim().to_owned()).collect()
}

fn jwt_claims(fields: &dyn Fields, claim: &str) -> Vec<String> {
    let lines = fields.all("authorization").filter_map(|line| std::str::from_utf8(line).ok());
    lines.filter_map(|line| jwt_claim(line.trim(), claim)).collect()
}

fn jwt_claim(authorization: &str, claim: &str) -> Option<String> {
    let (scheme, token) = authorization.split_once(' ')?;
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
