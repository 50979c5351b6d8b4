//! The most refused callers, so that someone can contact them.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use crate::sketch::TopItems;
use crate::{Fingerprint, Network};

/// The most callers of one rule that are remembered in detail.
const MAX_CALLERS: usize = 2 * 1024;
/// The number of remembered callers that are compared with a new one, which may replace one of
/// them.
const COMPARED_CALLERS: usize = 4;
/// The time in seconds after which a caller that is no longer refused is replaced more easily.
const QUIET_TIME: i64 = 60;
/// The most changed callers that wait for the store. Further ones are written when they are refused
/// again.
const MAX_CHANGED: usize = 50_000;

/// A caller that a rule refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedCaller {
    /// The rule.
    pub rule: Arc<str>,
    /// The fingerprint of its identity, or of its address.
    pub caller: Fingerprint,
    /// The refused requests.
    pub requests: u64,
    /// The number of requests that may be missing in that count, because the caller was not always
    /// remembered.
    pub uncertainty: u64,
    /// The time of the first refusal, in seconds since 1970.
    pub first_seen: i64,
    /// The time of the last refusal.
    pub last_seen: i64,
    /// The version that it sent last.
    pub version: Arc<str>,
    /// The family and major version of its client.
    pub client: Arc<str>,
    /// The path of one of its requests, without apparent identifiers.
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
    /// The callers that changed since the last [`RefusedCallers::take_changed`].
    changed: Vec<(Arc<str>, Fingerprint)>,
}

/// The most refused callers of one rule.
#[derive(Default)]
struct RuleCallers {
    counts: TopItems<Fingerprint>,
    // A fingerprint is a keyed hash, which clients cannot choose.
    details: HashMap<Fingerprint, KnownCaller, FxBuildHasher>,
    /// The callers in `details`, in no order.
    places: Vec<Fingerprint>,
    /// The next remembered caller to compare with a new one.
    next_place: usize,
}

/// A caller that is remembered in detail.
struct KnownCaller {
    refused: RefusedCaller,
    /// It is in [`RefusedCallers::changed`].
    is_changed: bool,
}

impl RefusedCallers {
    /// Adds the refusals of a caller.
    pub fn add_refusals(&mut self, refused: RefusedCaller) {
        let (name, caller) = (Arc::clone(&refused.rule), refused.caller);
        let rule = match self.rules.get_mut(&name) {
            Some(rule) => rule,
            None => self.rules.entry(Arc::clone(&name)).or_default(),
        };
        rule.counts.count_item(caller, refused.requests);
        let Some(known) = rule.remember_caller(refused) else { return };
        if !known.is_changed && self.changed.len() < MAX_CHANGED {
            known.is_changed = true;
            self.changed.push((name, caller));
        }
    }

    /// The `limit` callers that `rule` refused most, the most refused first.
    pub fn top(&self, rule: &str, limit: usize) -> Vec<RefusedCaller> {
        match self.rules.get(rule) {
            Some(callers) => callers.top(limit),
            None => Vec::new(),
        }
    }

    /// Returns the callers that changed since the last call.
    pub(super) fn take_changed(&mut self) -> Vec<RefusedCaller> {
        let mut callers = Vec::with_capacity(self.changed.len());
        for (name, caller) in self.changed.drain(..) {
            let Some(rule) = self.rules.get_mut(&name) else { continue };
            // Another caller may have replaced it by now.
            if let Some(known) = rule.details.get_mut(&caller)
                && std::mem::take(&mut known.is_changed)
            {
                callers.extend(rule.counted_caller(caller));
            }
        }
        callers
    }

    /// Marks all callers as unchanged.
    pub(super) fn forget_changed(&mut self) {
        for (name, caller) in self.changed.drain(..) {
            if let Some(rule) = self.rules.get_mut(&name)
                && let Some(known) = rule.details.get_mut(&caller)
            {
                known.is_changed = false;
            }
        }
    }
}

impl RuleCallers {
    fn top(&self, limit: usize) -> Vec<RefusedCaller> {
        let mut by_count = Vec::with_capacity(self.places.len());
        for caller in &self.places {
            // Equal ones in the order of their fingerprints, so that the order is always the same.
            by_count.push((Reverse(self.counts.count_of(caller).0.max(1)), *caller));
        }
        by_count.sort_unstable();
        let mut callers = Vec::new();
        for (_, caller) in by_count.into_iter().take(limit) {
            callers.extend(self.counted_caller(caller));
        }
        callers
    }

    /// The details of a caller, with its number of refusals.
    fn counted_caller(&self, caller: Fingerprint) -> Option<RefusedCaller> {
        let known = &self.details.get(&caller)?.refused;
        let (at_least, at_most) = self.counts.count_of(&caller);
        // The caller was refused at least once, or it would not be here.
        let requests = at_least.max(1);
        let uncertainty = at_most.saturating_sub(requests);
        Some(RefusedCaller { requests, uncertainty, ..known.clone() })
    }

    /// Remembers the details of a caller. `None` if the others are refused more often.
    fn remember_caller(&mut self, refused: RefusedCaller) -> Option<&mut KnownCaller> {
        let caller = refused.caller;
        if !self.details.contains_key(&caller) {
            self.make_place(&refused)?;
        }
        let known = match self.details.entry(caller) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                return Some(place.insert(KnownCaller { refused, is_changed: false }));
            }
        };
        let first_seen = known.refused.first_seen.min(refused.first_seen);
        // If two arrived at the same time, either may count as the last.
        if refused.last_seen >= known.refused.last_seen {
            known.refused = refused;
        }
        known.refused.first_seen = first_seen;
        Some(known)
    }

    /// Makes room for a new caller. `None` if no other caller can be replaced.
    fn make_place(&mut self, refused: &RefusedCaller) -> Option<()> {
        if self.places.len() < MAX_CALLERS {
            self.places.push(refused.caller);
            return Some(());
        }
        // Compares a few, in turn, because a search for the least refused would cost more than all
        // other counting.
        for _ in 0..COMPARED_CALLERS {
            let place = self.next_place;
            self.next_place = (place + 1) % MAX_CALLERS;
            if self.gives_way(self.places[place], refused) {
                self.details.remove(&self.places[place]);
                self.places[place] = refused.caller;
                return Some(());
            }
        }
        None
    }

    /// Returns true if a caller can be replaced by one that is refused now.
    fn gives_way(&self, known: Fingerprint, refused: &RefusedCaller) -> bool {
        let Some(details) = self.details.get(&known) else { return true };
        let (at_least, at_most) = self.counts.count_of(&known);
        let (certain, _) = self.counts.count_of(&refused.caller);
        let is_active = refused.last_seen - details.refused.last_seen < QUIET_TIME;
        // Callers that are refused about equally often must not displace each other all the time:
        // each change is written to the store.
        if is_active { certain > at_most } else { certain > at_least }
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
        let rule = &callers.rules["orders"];
        assert!(rule.details.len() <= MAX_CALLERS && rule.places.len() == rule.details.len());
        assert!(callers.top("other", 2).is_empty());
        // A caller that is refused after the flood gets a place, although the flood had many more.
        callers.add_refusals(refused(3, 5, 19 + QUIET_TIME));
        assert!(callers.rules["orders"].details.contains_key(&Fingerprint::from_bits(3)));
    }

    /// Catches callers that are refused equally often and keep replacing each other, which causes
    /// thousands of writes to the store per second.
    #[test]
    fn equally_refused_callers_keep_their_places() {
        let mut callers = RefusedCallers::default();
        let mut places = Vec::new();
        for second in 0..20 {
            for caller in 0..5_000 {
                callers.add_refusals(refused(caller, 7, second));
            }
            let changed = callers.take_changed();
            assert_eq!(changed.len(), MAX_CALLERS, "second {second}");
            if second > 0 {
                assert_eq!(callers.rules["orders"].places, places, "second {second}");
            }
            places.clone_from(&callers.rules["orders"].places);
        }
        // One that is refused far more often gets a place among them.
        for second in 20..40 {
            callers.add_refusals(refused(9_999, 500, second));
            for caller in 0..5_000 {
                callers.add_refusals(refused(caller, 7, second));
            }
        }
        assert_eq!(callers.top("orders", 1)[0].caller, Fingerprint::from_bits(9_999));
    }
}
