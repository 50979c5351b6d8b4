//! The identity of a caller, for the ramp and the breaker. Identities are compared and hashed,
//! never logged.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::facts::{Facts, Fields};
use crate::field::FieldName;

/// A place in the request that carries a caller's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityReader {
    /// `header:NAME`: the value of a field.
    Header(FieldName),
    /// `cookie:NAME`: the value of a cookie.
    Cookie(Box<str>),
    /// `jwt-unverified:CLAIM`: a claim of the bearer's token, whose signature is not checked here.
    JwtUnverified(Box<str>),
    /// `peer`: the client's address. Many clients share one behind a NAT.
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

    /// Every identity in this place, without outer spaces and tabs; none is empty.
    fn read_identities(&self, facts: &Facts<'_>) -> Vec<String> {
        let mut identities = match self {
            Self::Header(name) => header_values(facts.fields, name.lower()),
            Self::Cookie(name) => cookie_values(facts.fields, name),
            Self::JwtUnverified(claim) => jwt_claims(facts.fields, claim),
            Self::Peer => match facts.client_ip {
                // IPv4 mapped into IPv6 is the same client.
                Some(address) => vec![address.to_canonical().to_string()],
                None => Vec::new(),
            },
        };
        // An empty identity would put all callers without one into the same bucket.
        identities.retain(|identity| !identity.is_empty());
        identities
    }
}

/// The identity that the first of `readers` to find one yields, without outer spaces and tabs;
/// never empty.
///
/// `None` also for a request with different identities: the upstream may use another one than
/// Upshift would.
pub fn identity<'f>(readers: &[IdentityReader], facts: &Facts<'f>) -> Option<Cow<'f, str>> {
    // Nearly every identity is a field of one line: no list is made for it, and no copy.
    if let Some(IdentityReader::Header(name)) = readers.first()
        && let Some(value) = sole_value(facts.fields, name.lower())
    {
        return Some(Cow::Borrowed(value));
    }
    let mut sent = identities(readers, facts);
    // The same identity on several lines is one.
    sent.dedup();
    if sent.len() > 1 {
        return None;
    }
    sent.pop().map(Cow::Owned)
}

/// The value of a field that has one line; `None` if it is empty or not UTF-8.
fn sole_value<'f>(fields: &'f dyn Fields, name: &str) -> Option<&'f str> {
    let mut lines = fields.all(name);
    let line = lines.next()?;
    if lines.next().is_some() {
        return None;
    }
    let value = trim_whitespace(std::str::from_utf8(line).ok()?);
    if value.is_empty() { None } else { Some(value) }
}

/// Every identity that the first of `readers` to find one yields.
pub(crate) fn identities(readers: &[IdentityReader], facts: &Facts<'_>) -> Vec<String> {
    for reader in readers {
        let found = reader.read_identities(facts);
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// The bucket of an identity under a rule, 0 to 9 999: the first 8 bytes of SHA-256(rule ‖ 0x00 ‖
/// identity), big-endian, modulo 10 000. The rule is part of the hash so that different rules
/// refuse different callers first. Outer spaces and tabs are not part of an identity. Vectors:
/// `conformance/ramp`.
pub fn bucket(rule: &str, identity: &str) -> u16 {
    let hash = Sha256::new()
        .chain_update(rule)
        .chain_update([0])
        .chain_update(trim_whitespace(identity))
        .finalize();
    let mut head = 0_u64;
    for byte in hash.iter().take(8) {
        head = head << 8 | u64::from(*byte);
    }
    (head % 10_000) as u16
}

/// A field's value without its outer white space (RFC 9110 §5.6.3: spaces and tabs, nothing else).
fn trim_whitespace(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

fn header_values(fields: &dyn Fields, name: &str) -> Vec<String> {
    let mut values = Vec::new();
    for line in fields.all(name) {
        // A policy names identities as text: a value that is not UTF-8 could match none.
        if let Ok(text) = std::str::from_utf8(line) {
            values.push(trim_whitespace(text).to_owned());
        }
    }
    values
}

/// RFC 6265 §4.2.1, and RFC 9113 §8.2.3: HTTP/2 may split the field.
fn cookie_values(fields: &dyn Fields, name: &str) -> Vec<String> {
    let mut values = Vec::new();
    for line in fields.all("cookie") {
        let Ok(text) = std::str::from_utf8(line) else { continue };
        for pair in text.split(';') {
            match pair.trim().split_once('=') {
                Some((cookie, value)) if cookie == name => values.push(value.trim().to_owned()),
                _ => {}
            }
        }
    }
    values
}

fn jwt_claims(fields: &dyn Fields, claim: &str) -> Vec<String> {
    let mut claims = Vec::new();
    for line in fields.all("authorization") {
        if let Ok(credentials) = std::str::from_utf8(line) {
            claims.extend(jwt_claim(credentials.trim(), claim));
        }
    }
    claims
}

fn jwt_claim(credentials: &str, claim: &str) -> Option<String> {
    let (scheme, token) = credentials.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    // RFC 7519 §3: header, payload and signature, separated by dots; RFC 7515 §2: base64url without
    // padding.
    let payload = URL_SAFE_NO_PAD.decode(token.trim().split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    match claims.get(claim)? {
        serde_json::Value::String(text) => Some(text.trim().to_owned()),
        // RFC 7519 §4.1.2 makes `sub` a string, but other claims may be numbers.
        serde_json::Value::Number(number) => Some(number.to_string()),
        // An object or a list does not name one caller.
        _ => None,
    }
}

/// The reader as the policy file writes it.
impl fmt::Display for IdentityReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header:{}", name.written()),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::JwtUnverified(claim) => write!(f, "jwt-unverified:{claim}"),
            Self::Peer => f.write_str("peer"),
        }
    }
}
