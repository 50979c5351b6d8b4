//! The counts of one core since the breaker last took them.

use std::sync::Arc;

use crate::callers::{CallerWindow, CountedCaller};

/// One rule's part of a [`CallerTally`].
#[derive(Clone, Default)]
pub(crate) struct RuleTally {
    pub(crate) callers: CallerWindow,
    pub(crate) accepted: Vec<CountedCaller>,
    pub(crate) compliant: u64,
    pub(crate) unnamed: u64,
}

/// The most accepted callers that are handed over at once. Further callers are noted at their next
/// request.
const ACCEPTED_AT_ONCE: usize = 4 * 1024;

/// The callers that one core saw and refused, by rule, since the last [`CallerTally::take`].
///
/// It belongs to one core, so that counting needs no lock. Taking it swaps a pointer.
#[derive(Clone, Default)]
pub struct CallerTally {
    pub(crate) rules: Vec<(Arc<str>, RuleTally)>,
}

impl CallerTally {
    /// Counts one request that `rule` matched. At most `per_network` callers are counted for each
    /// network.
    pub fn record_request(
        &mut self,
        rule: &str,
        caller: CountedCaller,
        refused: bool,
        per_network: u32,
    ) {
        let tally = self.rule_mut(rule);
        // The default has no cap, because only the caller knows it.
        if tally.callers.is_empty() {
            tally.callers = CallerWindow::new(per_network);
        }
        // A tally is short-lived: the merge dates all of it at its own second.
        tally.callers.record_caller(1, 0, caller, refused);
    }

    /// Records a caller whose request matched `rule` and got a 2xx from an upstream.
    pub fn record_accepted(&mut self, rule: &str, caller: CountedCaller) {
        let accepted = &mut self.rule_mut(rule).accepted;
        if accepted.len() < ACCEPTED_AT_ONCE {
            accepted.push(caller);
        }
    }

    /// Counts a request that meets the version that `rule` requires, which shows that a compliant
    /// client exists.
    pub fn record_compliant(&mut self, rule: &str) {
        self.rule_mut(rule).compliant += 1;
    }

    /// Counts a request that `rule` cannot ramp, because it has no identity.
    pub fn record_unnamed(&mut self, rule: &str) {
        self.rule_mut(rule).unnamed += 1;
    }

    /// For each rule, the number of requests that met its version, and of those that had no
    /// identity for its ramp.
    pub fn seen_by_rule(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.rules.iter().map(|(rule, tally)| (rule.as_ref(), tally.compliant, tally.unnamed))
    }

    /// Returns true if nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns the counts so far and leaves the tally empty.
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    fn rule_mut(&mut self, rule: &str) -> &mut RuleTally {
        // There are few rules, and a name is copied once per handover, not once per request.
        let at = match self.rules.iter().position(|(name, _)| **name == *rule) {
            Some(at) => at,
            None => {
                self.rules.push((rule.into(), RuleTally::default()));
                self.rules.len() - 1
            }
        };
        &mut self.rules[at].1
    }
}
