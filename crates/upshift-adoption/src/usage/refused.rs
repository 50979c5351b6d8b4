//! The callers that are refused most, so that someone can write to them.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use crate::sketch::TopItems;
use crate::{Fingerprint, Network};

/// The callers of one rule that are remembered in detail. Those that are refused least are
/// forgotten first.
const MAX_CALLERS: usize = 2 * 1024;

/// A caller that a rule refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedCaller {
    /// The rule.
    pub rule: Arc<str>,
    /// The fingerprint of its identity, or of its address.
    pub caller: Fingerprint,
    /// The refused requests.
    pub requests: u64,
    /// The requests by which that number may be too low, because the caller was not remembered all
    /// the time.
    pub uncertainty: u64,
    /// The time of the first refusal, in seconds since 1970.
    pub first_seen: i64,
    /// The time of the last refusal.
    pub last_seen: i64,
    /// The version that it sent last.
    pub version: Arc<str>,
    /// The family and major version of its client.
    pub client: Arc<str>,
    /// The path of one of its requests, without what looks like an identifier.
    pub path: Arc<str>,
    /// The network of its address.
    pub network: Network,
}

impl RefusedCaller {
    /// Adds the refusals that an earlier process has counted.
    pub(super) fn continue_from(&mut self, earlier: &Self) {
        self.requests += earlier.requests;
        self.uncertainty += earlier.uncertainty;
        self.first_seen = self.first_seen.min(earlier.first_seen);
    }
}

/// The most refused callers of each rule.
#[derive(Default)]
pub struct RefusedCallers {
    rules: HashMap<Arc<str>, RuleCallers, FxBuildHasher>,
}

/// The most refused callers of one rule.
#[derive(Default)]
struct RuleCallers {
    counts: TopItems<Fingerprint>,
    // A fingerprint is a keyed hash, which clients cannot choose.
    details: HashMap<Fingerprint, RefusedCaller, FxBuildHasher>,
}

impl RefusedCallers {
    /// Adds the refusals of a caller.
    pub fn add_refusals(&mut self, refused: RefusedCaller) {
        let rule = self.rules.entry(Arc::clone(&refused.rule)).or_default();
        rule.counts.count_item(refused.caller, refused.requests);
        match rule.details.get_mut(&refused.caller) {
            Some(known) => {
                known.first_seen = known.first_seen.min(refused.first_seen);
                // Of two that came at the same time, either is the last.
                if refused.last_seen >= known.last_seen {
                    *known = RefusedCaller { first_seen: known.first_seen, ..refused };
                }
            }
            None => {
                if rule.details.len() >= MAX_CALLERS {
                    rule.forget_rarest();
                }
                rule.details.insert(refused.caller, refused);
            }
        }
    }

    /// The `limit` callers that `rule` refused most, the most refused first.
    pub fn top(&self, rule: &str, limit: usize) -> Vec<RefusedCaller> {
        match self.rules.get(rule) {
            Some(callers) => callers.top(limit),
            None => Vec::new(),
        }
    }

    /// The details of these callers, for the store.
    pub(super) fn details_of(&self, callers: &[(Arc<str>, Fingerprint)]) -> Vec<RefusedCaller> {
        let mut found = Vec::new();
        for (rule, caller) in callers {
            if let Some(rule) = self.rules.get(rule)
                && let Some(known) = rule.details.get(caller)
            {
                found.push(rule.with_count(known));
            }
        }
        found
    }
}

impl RuleCallers {
    fn top(&self, limit: usize) -> Vec<RefusedCaller> {
        let mut callers = Vec::new();
        for (_, caller) in self.by_count().into_iter().take(limit) {
            callers.extend(self.details.get(&caller).map(|known| self.with_count(known)));
        }
        callers
    }

    /// The remembered callers, the most refused first. Equal ones are in the order of their
    /// fingerprints, so that the order is the same each time.
    fn by_count(&self) -> Vec<(Reverse<u64>, Fingerprint)> {
        let mut callers = Vec::with_capacity(self.details.len());
        for caller in self.details.keys() {
            callers.push((Reverse(self.counts.count_of(caller).0.max(1)), *caller));
        }
        callers.sort_unstable();
        callers
    }

    fn with_count(&self, known: &RefusedCaller) -> RefusedCaller {
        let (at_least, at_most) = self.counts.count_of(&known.caller);
        // The caller was refused at least once, or it would not be here.
        let requests = at_least.max(1);
        RefusedCaller { requests, uncertainty: at_most.saturating_sub(requests), ..known.clone() }
    }

    /// Forgets the half that was refused least, so that the search is rarely needed.
    fn forget_rarest(&mut self) {
        for (_, caller) in self.by_count().into_iter().skip(MAX_CALLERS / 2) {
            self.details.remove(&caller);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(caller: u64, requests: u64, second: i64) -> RefusedCaller {
        RefusedCaller {
            rule: "orders".into(),
            caller: Fingerprint::from_bits(caller),
            requests,
            uncertainty: 0,
            first_seen: second,
            last_seen: second,
            version: "1.4".into(),
            client: "App/1".into(),
            path: "/orders".into(),
            network: Network::Unknown,
        }
    }

    #[test]
    fn the_most_refused_survive_a_flood_of_others() {
        let mut callers = RefusedCallers::default();
        for round in 0..20 {
            callers.add_refusals(refused(1, 500, round));
            callers.add_refusals(refused(2, 300, round));
            for other in 0..10_000 {
                callers.add_refusals(refused(1_000 + other + round as u64 * 10_000, 1, round));
            }
        }
        let top = callers.top("orders", 2);
        assert_eq!([top[0].caller.bits(), top[1].caller.bits()], [1, 2]);
        assert!(top[0].requests <= 10_000 && top[0].requests + top[0].uncertainty >= 10_000);
        assert_eq!((top[0].first_seen, top[0].last_seen), (0, 19));
        assert!(callers.rules["orders"].details.len() <= MAX_CALLERS);
        assert!(callers.top("other", 2).is_empty());
    }
}
