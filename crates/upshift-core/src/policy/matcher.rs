//! Matchers: the requests to which a rule, an exemption or an upstream applies.
//!
//! Keys are ANDed, values ORed; a value with `!` excludes. A key that is left out always fits.
//!
//! A field whose lines differ is read differently by different programs. So that a repeated field
//! exempts no request, any of its lines brings a request under a rule, and only all of them
//! together exclude it (by `!`, or by the keys of an exemption).

use ipnet::IpNet;

use super::client::ClientReader;
use super::host::HostPattern;
use super::identity::{IdentityReader, identities};
use super::path::PathPattern;
use super::patterns::{ClientPattern, HeaderPattern, LineQuantifier};
use super::reading::{Comparison, PathReading, PathReadings};
use crate::facts::Facts;
use crate::network::network_contains;

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

    fn values_fit(&self, fits: impl Fn(&T) -> bool) -> bool {
        let is_included = self.include.is_empty() || self.include.iter().any(&fits);
        is_included && !self.excludes(fits)
    }

    fn excludes(&self, fits: impl Fn(&T) -> bool) -> bool {
        self.exclude.iter().any(fits)
    }

    fn lines_fit(&self, effect: Effect, fits: impl Fn(&T, LineQuantifier) -> bool) -> bool {
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
        // The keys of the target come first, because they read no field: the answer to a request
        // that they rule out does not vary on any.
        if !self.hosts.values_fit(|host| host.fits(facts.host)) {
            return Some("hosts");
        }
        if !self.paths.values_fit(|pattern| pattern.matches(context.path)) {
            return Some("paths");
        }
        self.mismatch_beyond_target(facts, context)
    }

    /// The same for a request whose host and path are included.
    pub(crate) fn mismatch_of_included(
        &self,
        facts: &Facts<'_>,
        context: &MatchContext<'_>,
    ) -> Option<&'static str> {
        if self.hosts.excludes(|host| host.fits(facts.host)) {
            return Some("hosts");
        }
        if self.paths.excludes(|pattern| pattern.matches(context.path)) {
            return Some("paths");
        }
        self.mismatch_beyond_target(facts, context)
    }

    fn mismatch_beyond_target(
        &self,
        facts: &Facts<'_>,
        context: &MatchContext<'_>,
    ) -> Option<&'static str> {
        let effect = context.effect;
        if !self.methods.values_fit(|method| method_fits(method, facts)) {
            return Some("methods");
        }
        if !self.headers.lines_fit(effect, |header, lines| header.fits(facts, lines)) {
            return Some("headers");
        }
        if !self.peers_fit(facts, effect) {
            return Some("peers");
        }
        let readers = context.client_readers;
        if !self.clients.lines_fit(effect, |client, lines| client.fits(facts, readers, lines)) {
            return Some("clients");
        }
        // Identities are read last and only where a key needs them: a token has to be decoded.
        if !self.identities.is_empty() {
            let sent = identities(context.identity_readers, facts);
            if !self
                .identities
                .lines_fit(effect, |wanted, lines| identity_fits(wanted, &sent, lines))
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
            fields.push(header.field());
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
            Some(address) => self.peers.values_fit(|network| network_contains(network, address)),
            // An unknown address is in no network. A request must not be exempt because of that,
            // for example by `peers = "!10.0.0.0/8"`.
            None => effect != Effect::Excuses && self.peers.include.is_empty(),
        }
    }
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
        // `all` holds for an empty list, which must not exempt a request without an identity.
        LineQuantifier::All => !sent.is_empty() && sent.iter().all(|identity| identity == wanted),
    }
}
