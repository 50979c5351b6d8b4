//! What one core counts, without a lock; handed over once a second.

use std::collections::HashMap;

use upshift_core::{Decision, HttpVersion, Phase, Verdict, VerdictReason};

/// What one rule said, how often.
type Rulings = HashMap<(Verdict, VerdictReason, Phase), u64>;

/// Counters since they were last handed over.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Connections accepted.
    pub(crate) connections: u64,
    /// Requests that were decided, by verdict and the version of HTTP on this hop.
    pub(crate) requests: HashMap<(Verdict, HttpVersion), u64>,
    /// What the rules that applied said, by rule.
    pub(crate) rulings: HashMap<Box<str>, Rulings>,
    /// Answers of upstreams that were 426 and named nothing.
    pub(crate) bare_426: u64,
    /// Local replies, by cause.
    pub(crate) local_replies: HashMap<&'static str, u64>,
    /// Connections that ended early, by reason.
    pub(crate) disconnects: HashMap<&'static str, u64>,
    /// Connections and streams that switched protocols, by what they switched to.
    pub(crate) transitions: HashMap<&'static str, u64>,
    /// Requests from peers that look like proxies nobody declared.
    pub(crate) undeclared: u64,
}

impl Counts {
    /// A request was decided.
    pub(crate) fn decided(&mut self, decision: &Decision<'_>, http: HttpVersion) {
        Self::add(&mut self.requests, (decision.verdict, http));
        for ruling in decision.matched() {
            let key = (ruling.verdict, ruling.cause.unwrap_or(ruling.reason), ruling.phase());
            match self.rulings.get_mut(&*ruling.rule.id) {
                Some(counts) => Self::add(counts, key),
                None => Self::add(self.rulings.entry(ruling.rule.id.clone()).or_default(), key),
            }
        }
    }

    /// Adds one to `map[key]`.
    pub(crate) fn add<K: std::hash::Hash + Eq>(map: &mut HashMap<K, u64>, key: K) {
        *map.entry(key).or_default() += 1;
    }
}
