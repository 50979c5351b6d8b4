//! The counters of one core, which need no lock. They are merged into the totals once a second.

use std::collections::HashMap;

use upshift_core::{Decision, HttpVersion, Phase, Verdict, VerdictReason};

/// The rulings of one rule, with the number of each.
type RulingCounts = HashMap<(Verdict, VerdictReason, Phase), u64>;

/// The counters since they were last merged.
#[derive(Debug, Default)]
pub(crate) struct CoreCounts {
    /// Connections accepted.
    pub(crate) connections: u64,
    /// Decided requests, by verdict and HTTP version on this hop.
    pub(crate) requests: HashMap<(Verdict, HttpVersion), u64>,
    /// The rulings of the rules that matched, by rule.
    pub(crate) rulings: HashMap<Box<str>, RulingCounts>,
    /// Upstream responses with status 426 and no protocol in `Upgrade`.
    pub(crate) bare_426: u64,
    /// Local replies, by cause.
    pub(crate) local_replies: HashMap<&'static str, u64>,
    /// Connections that ended early, by reason.
    pub(crate) disconnects: HashMap<&'static str, u64>,
    /// Connections and streams that switched protocols, by the new protocol.
    pub(crate) transitions: HashMap<&'static str, u64>,
    /// Requests from peers that look like undeclared proxies.
    pub(crate) undeclared: u64,
}

impl CoreCounts {
    /// Counts a decision, by the HTTP version on this hop.
    pub(crate) fn count_decision(&mut self, decision: &Decision<'_>, http: HttpVersion) {
        Self::add_one(&mut self.requests, (decision.verdict, http));
        for ruling in decision.matched() {
            let key = (ruling.verdict, ruling.cause.unwrap_or(ruling.reason), ruling.phase());
            match self.rulings.get_mut(&*ruling.rule.id) {
                // The common case needs no copy of the id.
                Some(counts) => Self::add_one(counts, key),
                None => Self::add_one(self.rulings.entry(ruling.rule.id.clone()).or_default(), key),
            }
        }
    }

    /// Adds one to `map[key]`.
    pub(crate) fn add_one<K: std::hash::Hash + Eq>(map: &mut HashMap<K, u64>, key: K) {
        *map.entry(key).or_default() += 1;
    }
}
