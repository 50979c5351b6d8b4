//! Where a rule, an exemption or an upstream applies.
//!
//! Keys are ANDed, values ORed; a value with `!` takes away. A key that is left out always fits.
//!
//! A field whose lines differ is read in different ways by different programs. So that a doubled
//! field excuses no request, any of its lines brings a request under a rule, and only all of them
//! together take it away (`!`, or the keys of an exemption).

use std::cmp::Ordering;
use std::net::IpAddr;

use ipnet::IpNet;

use super::client::{ClientReader, has_product};
use super::path::PathPattern;
use super::reading::PathReading;
use super::requirement::FieldName;
use super::segments::{Case, Glob, Segment, matches};
use crate::Facts;
use crate::version::ClientVersion;

/// The values of one key: those that let in, and those (`!`) that take away.
#[derive(Clone, Debug)]
pub struct MatcherValues<T> {
    /// Any of these fits; all do if there is none.
    pub include: Vec<T>,
    /// None of these may fit.
    pub exclude: Vec<T>,
}

/// Where something applies.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    /// The host that was asked.
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

/// What a matcher needs to know beyond the facts.
pub(super) struct MatchContext<'c> {
    /// One reading of the path.
    pub(super) path: &'c PathReading<'c>,
    /// Where the client names itself.
    pub(super) clients: &'c [ClientReader],
    /// Every identity that the caller sent, asked for only where a key needs it.
    pub(super) identities: &'c dyn Fn() -> Vec<String>,
    /// What fitting leads to.
    pub(super) effect: Effect,
}

/// What becomes of a request that fits a matcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It is held to a rule, or sent to an upstream.
    Applies,
    /// It is excused.
    Excuses,
}

/// How many lines of a field a value has to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineQuantifier {
    Any,
    All,
}

impl Effect {
    /// For the values that let in.
    fn included(self) -> LineQuantifier {
        match self {
            Self::Applies => LineQuantifier::Any,
            Self::Excuses => LineQuantifier::All,
        }
    }

    /// For the values that take away.
    fn excluded(self) -> LineQuantifier {
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
    /// Tells whether nothing was said of this key.
    pub fn is_empty(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    fn fit(&self, fits: impl Fn(&T) -> bool) -> bool {
        (self.include.is_empty() || self.include.iter().any(&fits))
            && !self.exclude.iter().any(&fits)
    }

    fn fit_lines(&self, effect: Effect, fits: impl Fn(&T, LineQuantifier) -> bool) -> bool {
        let included = self.include.is_empty()
            || self.include.iter().any(|value| fits(value, effect.included()));
        included && !self.exclude.iter().any(|value| fits(value, effect.excluded()))
    }
}

impl Matcher {
    /// The first key that does not fit, or `None` if all do. The target's keys come first: they
    /// read no field.
    pub(super) fn mismatch(
        &self,
        facts: &Facts<'_>,
        caller: &MatchContext<'_>,
    ) -> Option<&'static str> {
        if !(self.hosts.is_empty() || self.hosts.fit(|host| host.fits(facts.host))) {
            return Some("hosts");
        }
        if !(self.paths.is_empty() || self.paths.fit(|pattern| pattern.matches(caller.path))) {
            return Some("paths");
        }
        if !(self.methods.is_empty() || self.methods.fit(|method| method_fits(method, facts))) {
            return Some("methods");
        }
        let effect = caller.effect;
        if !(self.headers.is_empty()
            || self.headers.fit_lines(effect, |header, lines| header.fits(facts, lines)))
        {
            return Some("headers");
        }
        let unknown = facts.client_ip.is_none() && effect == Effect::Excuses;
        let fits = || self.peers.fit(|net| facts.client_ip.is_some_and(|peer| within(net, peer)));
        if !self.peers.is_empty() && (unknown || !fits()) {
            return Some("peers");
        }
        let clients = |client: &ClientPattern, lines| client.fits(facts, caller.clients, lines);
        if !(self.clients.is_empty() || self.clients.fit_lines(effect, clients)) {
            return Some("clients");
        }
        let identities =
            self.identities.is_empty() || self.identities_fit(effect, &(caller.identities)());
        (!identities).then_some("identities")
    }

    /// Whether a request for this host and path with this method goes here, as an upstream is
    /// chosen: fields, peers, clients and identities count too, by `User-Agent` and peer.
    pub fn fits(&self, facts: &Facts<'_>) -> bool {
        let path = super::reading::path_readings(facts.path, super::path::Comparison::default())
            .swap_remove(0);
        let caller = MatchContext {
            path: &path,
            clients: &[ClientReader::UserAgent],
            identities: &Vec::new,
            effect: Effect::Applies,
        };
        self.mismatch(facts, &caller).is_none()
    }

    /// The fields that it reads, in lower case.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        let headers = self
            .headers
            .include
            .iter()
            .chain(&self.headers.exclude)
            .map(|header| header.name.lower());
        headers.chain((!self.clients.is_empty()).then_some("user-agent"))
    }

    fn identities_fit(&self, effect: Effect, sent: &[String]) -> bool {
        self.identities.fit_lines(effect, |wanted, lines| match lines {
            LineQuantifier::Any => sent.iter().any(|identity| **identity == **wanted),
            LineQuantifier::All => {
                !sent.is_empty() && sent.iter().all(|identity| **identity == **wanted)
            }
        })
    }
}

impl HostPattern {
    /// Reads a pattern; `None` if it has a port, a path, white space or nothing in it.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.trim_end_matches('.');
        let bracketed = bare.starts_with('[') && bare.ends_with(']');
        let legal = !bare.is_empty()
            && (bracketed
                || bare.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_*".contains(&b)));
        let decode = |piece: &str| piece.as_bytes().to_vec();
        let lower = bare.to_ascii_lowercase();
        let labels = lower.split('.').map(|label| Segment::parse_with(label, decode)).collect();
        legal.then(|| Self { text: text.into(), labels })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Tells whether it names one host.
    pub fn is_literal(&self) -> bool {
        !self.text.contains('*')
    }

    /// Tells whether `host` is of this form; hosts compare without case (RFC 9110 §4.2.3).
    pub fn fits(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        matches(&self.labels, &host.split('.').collect::<Vec<_>>(), Case::Exact).is_some()
    }
}

impl HeaderPattern {
    /// Reads `Name` or `Name: value`; `None` if the name is not a token.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            Some((name, value)) => Some(Self {
                name: FieldName::parse(name.trim())?,
                value: Some(Glob::parse(value.trim())),
            }),
            None => Some(Self { name: FieldName::parse(text.trim())?, value: None }),
        }
    }

    fn fits(&self, facts: &Facts<'_>, lines: LineQuantifier) -> bool {
        let Some(wanted) = &self.value else { return facts.fields.has(self.name.lower()) };
        let mut values = facts.fields.all(self.name.lower()).peekable();
        let is_wanted = |value: &[u8]| wanted.matches(value.trim_ascii(), Case::Exact);
        match lines {
            LineQuantifier::Any => values.any(is_wanted),
            LineQuantifier::All => values.peek().is_some() && values.all(is_wanted),
        }
    }
}

impl ClientPattern {
    /// Reads `Name` or `Name/Version`; `None` if there is no name.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, version) = match text.split_once('/') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        let version = version.map(ClientVersion::parse).transpose().ok()?;
        let name = name.trim();
        (!name.is_empty()).then(|| Self { name: name.into(), version })
    }

    fn fits(&self, facts: &Facts<'_>, readers: &[ClientReader], lines: LineQuantifier) -> bool {
        let doubled = |field| facts.fields.is_contradictory(field);
        if lines == LineQuantifier::All
            && (doubled("user-agent") || readers.iter().any(|reader| doubled(reader.field())))
        {
            return false;
        }
        let wanted = |name: &str| name.eq_ignore_ascii_case(&self.name);
        let named = readers.iter().find_map(|reader| reader.claim(facts, &wanted));
        let product = || {
            facts
                .fields
                .text_lossy("user-agent")
                .is_some_and(|agent| has_product(&agent, &self.name))
        };
        match (&self.version, named) {
            (Some(version), Some(claim)) => {
                let sent = ClientVersion::parse_lenient(&claim.version);
                claim.is_client
                    && wanted(&claim.name)
                    && sent.is_some_and(|sent| sent.compare_with(version) == Some(Ordering::Equal))
            }
            (Some(_), None) => false,
            (None, claim) => claim.is_some_and(|claim| wanted(&claim.name)) || product(),
        }
    }
}

/// Case does not count: `get` is no method (RFC 9110 §9.1), but Werkzeug, for one, serves it as
/// GET.
fn method_fits(wanted: &str, facts: &Facts<'_>) -> bool {
    let is_head = facts.method.eq_ignore_ascii_case("HEAD");
    let is_tunnel = facts.method == "CONNECT" && facts.protocol.is_some();
    wanted.eq_ignore_ascii_case(facts.method) || wanted == "GET" && (is_head || is_tunnel)
}

/// Tells whether `peer` is in the network; IPv4 may come mapped into IPv6.
pub(super) fn within(net: &IpNet, peer: IpAddr) -> bool {
    net.contains(&peer) || net.contains(&peer.to_canonical())
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
