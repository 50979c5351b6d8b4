//! Matchers: the requests to which a rule, an exemption or an upstream applies.
//!
//! Keys are ANDed, values ORed; a value with `!` excludes. A key that is left out always fits.
//!
//! A field whose lines differ is read differently by different programs. So that a repeated field
//! exempts no request, any of its lines brings a request under a rule, and only all of them
//! together exclude it (by `!`, or by the keys of an exemption).

use std::cmp::Ordering;

use ipnet::IpNet;

use super::client::{ClientReader, has_product};
use super::identity::{IdentityReader, identities};
use super::path::PathPattern;
use super::reading::{Comparison, PathReading, PathReadings};
use super::segments::{Case, Glob, Segment, match_segments};
use crate::facts::Facts;
use crate::field::FieldName;
use crate::network::network_contains;
use crate::version::ClientVersion;

/// The values of one key: those that include, and those (`!`) that exclude.
#[derive(Clone, Debug)]
pub struct MatcherValues<T> {
    /// Any of these fits; if there is none, everything does.
    pub include: Vec<T>,
    /// None of these may fit.
    pub exclude: Vec<T>,
}

/// The requests to which something applies.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    /// The requested host.
    pub hosts: MatcherValues<HostPattern>,
    /// The path, in its normal form.
    pub paths: MatcherValues<PathPattern>,
    /// The method; `GET` includes `HEAD` and extended CONNECT.
    pub methods: MatcherValues<Box<str>>,
    /// Fields of the request.
    pub headers: MatcherValues<HeaderPattern>,
    /// The client's address.
    pub peers: MatcherValues<IpNet>,
    /// The client's name.
    pub clients: MatcherValues<ClientPattern>,
    /// The caller's identity.
    pub identities: MatcherValues<Box<str>>,
}

/// A host such as `api.example.com`, `*.example.com` (one label) or `**.example.com` (any number).
#[derive(Clone, Debug)]
pub struct HostPattern {
    text: Box<str>,
    labels: Box<[Segment]>,
}

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

/// The input of a matcher beyond the facts.
pub(crate) struct MatchContext<'c> {
    /// One reading of the path.
    pub(crate) path: &'c PathReading<'c>,
    /// The places where the client names itself.
    pub(crate) client_readers: &'c [ClientReader],
    /// The places where the caller's identity is, read only if a key needs it.
    pub(crate) identity_readers: &'c [IdentityReader],
    /// The consequence of a match.
    pub(crate) effect: Effect,
}

/// The consequence of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The request comes under a rule, or goes to an upstream.
    Applies,
    /// The request is exempt.
    Excuses,
}

/// The number of lines of a field that a value has to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineQuantifier {
    Any,
    All,
}

impl Effect {
    /// The quantifier for the values that include.
    fn of_included(self) -> LineQuantifier {
        match self {
            Self::Applies => LineQuantifier::Any,
            Self::Excuses => LineQuantifier::All,
        }
    }

    /// The quantifier for the values that exclude.
    fn of_excluded(self) -> LineQuantifier {
        match self {
            Self::Applies => LineQuantifier::All,
            Self::Excuses => LineQuantifier::Any,
        }
    }
}

impl<T> Default for MatcherValues<T> {
    fn default() -> Self {
        Self { include: Vec::new(), exclude: Vec::new() }
    }
}

impl<T> MatcherValues<T> {
    /// Returns true if the key has no values.
    pub fn is_empty(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    fn fit(&self, fits: impl Fn(&T) -> bool) -> bool {
        let is_included = self.include.is_empty() || self.include.iter().any(&fits);
        is_included && !self.exclude.iter().any(&fits)
    }

    fn fit_lines(&self, effect: Effect, fits: impl Fn(&T, LineQuantifier) -> bool) -> bool {
        let is_included = self.include.is_empty()
            || self.include.iter().any(|value| fits(value, effect.of_included()));
        is_included && !self.exclude.iter().any(|value| fits(value, effect.of_excluded()))
    }
}

impl Matcher {
    /// The first key that does not fit, or `None` if all do.
    pub(crate) fn mismatch(
        &self,
        facts: &Facts<'_>,
        context: &MatchContext<'_>,
    ) -> Option<&'static str> {
        let effect = context.effect;
        // The keys of the target come first, because they read no field: the answer to a request
        // that they rule out does not vary on any.
        if !self.hosts.fit(|host| host.fits(facts.host)) {
            return Some("hosts");
        }
        if !self.paths.fit(|pattern| pattern.matches(context.path)) {
            return Some("paths");
        }
        if !self.methods.fit(|method| method_fits(method, facts)) {
            return Some("methods");
        }
        if !self.headers.fit_lines(effect, |header, lines| header.fits(facts, lines)) {
            return Some("headers");
        }
        if !self.peers_fit(facts, effect) {
            return Some("peers");
        }
        let readers = context.client_readers;
        if !self.clients.fit_lines(effect, |client, lines| client.fits(facts, readers, lines)) {
            return Some("clients");
        }
        if !self.identities.is_empty() {
            let sent = identities(context.identity_readers, facts);
            if !self
                .identities
                .fit_lines(effect, |wanted, lines| identity_fits(wanted, &sent, lines))
            {
                return Some("identities");
            }
        }
        None
    }

    /// Returns true if a request with these facts belongs here, for choosing an upstream: the path
    /// counts in its plainest reading, clients are read from `User-Agent`, and no identity is.
    pub fn fits(&self, facts: &Facts<'_>) -> bool {
        let paths = PathReadings::of_path(facts.path, Comparison::default());
        let context = MatchContext {
            path: &paths.plainest,
            client_readers: &[ClientReader::UserAgent],
            identity_readers: &[],
            effect: Effect::Applies,
        };
        self.mismatch(facts, &context).is_none()
    }

    /// The fields that it reads, in lower case.
    pub(crate) fn fields(&self) -> Vec<&str> {
        let mut fields = Vec::new();
        for header in self.headers.include.iter().chain(&self.headers.exclude) {
            fields.push(header.name.lower());
        }
        if !self.clients.is_empty() {
            fields.push("user-agent");
        }
        fields
    }

    fn peers_fit(&self, facts: &Facts<'_>, effect: Effect) -> bool {
        if self.peers.is_empty() {
            return true;
        }
        match facts.client_ip {
            Some(address) => self.peers.fit(|network| network_contains(network, address)),
            // An unknown address is in no network. A request must not be exempt because of that,
            // for example by `peers = "!10.0.0.0/8"`.
            None => effect != Effect::Excuses && self.peers.include.is_empty(),
        }
    }
}

impl HostPattern {
    /// Reads a pattern; `None` if it has a port, a path, white space or nothing in it.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.trim_end_matches('.');
        let is_bracketed = bare.starts_with('[') && bare.ends_with(']');
        let is_legal = !bare.is_empty() && (is_bracketed || bare.bytes().all(is_host_byte));
        if !is_legal {
            return None;
        }
        let mut labels = Vec::new();
        for label in bare.to_ascii_lowercase().split('.') {
            labels.push(Segment::parse_with(label, |piece| piece.as_bytes().to_vec()));
        }
        Some(Self { text: text.into(), labels: labels.into() })
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns true if it names one host.
    pub fn is_literal(&self) -> bool {
        !self.text.contains('*')
    }

    /// Returns true if `host` matches; hosts compare without case (RFC 9110 §4.2.3).
    pub fn fits(&self, host: &str) -> bool {
        let lower = host.trim_end_matches('.').to_ascii_lowercase();
        let labels: Vec<&str> = lower.split('.').collect();
        match_segments(&self.labels, &labels, Case::Exact).is_some()
    }
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

    fn fits(&self, facts: &Facts<'_>, lines: LineQuantifier) -> bool {
        let name = self.name.lower();
        let Some(wanted) = &self.value else { return facts.fields.has(name) };
        let mut values = facts.fields.all(name).map(<[u8]>::trim_ascii);
        match lines {
            LineQuantifier::Any => values.any(|value| wanted.matches(value, Case::Exact)),
            LineQuantifier::All => {
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

    fn fits(&self, facts: &Facts<'_>, readers: &[ClientReader], lines: LineQuantifier) -> bool {
        if lines == LineQuantifier::All && has_contradictory_client(facts, readers) {
            return false;
        }
        for reader in readers {
            let Some(claim) = reader.claim(facts, &|name| self.is_named(name)) else { continue };
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
    facts.fields.is_contradictory("user-agent")
        || readers.iter().any(|reader| facts.fields.is_contradictory(reader.field()))
}

/// Compares without case: `get` is not a method (RFC 9110 §9.1), but Werkzeug, for one, serves it
/// as GET.
fn method_fits(wanted: &str, facts: &Facts<'_>) -> bool {
    if wanted.eq_ignore_ascii_case(facts.method) {
        return true;
    }
    let is_head = facts.method.eq_ignore_ascii_case("HEAD");
    // RFC 8441 §5: an extended CONNECT stands for the GET of a handshake.
    let is_tunnel = facts.method == "CONNECT" && facts.protocol.is_some();
    wanted == "GET" && (is_head || is_tunnel)
}

fn identity_fits(wanted: &str, sent: &[String], lines: LineQuantifier) -> bool {
    match lines {
        LineQuantifier::Any => sent.iter().any(|identity| identity == wanted),
        LineQuantifier::All => !sent.is_empty() && sent.iter().all(|identity| identity == wanted),
    }
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_*".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_compare_without_case_and_by_label() {
        let fits = |pattern: &str, host: &str| {
            HostPattern::parse(pattern).is_some_and(|pattern| pattern.fits(host))
        };
        assert!(fits("API.example.com", "api.EXAMPLE.com."));
        assert!(
            fits("*.example.com", "a.example.com") && !fits("*.example.com", "a.b.example.com")
        );
        assert!(fits("**.example.com", "a.b.example.com") && fits("**.example.com", "example.com"));
        assert!(
            HostPattern::parse("example.com:80").is_none()
                && HostPattern::parse("http://x").is_none()
        );
    }
}
