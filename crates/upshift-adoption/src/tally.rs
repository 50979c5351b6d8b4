//! What one core saw since it was last asked.

use std::sync::Arc;

use crate::callers::{Caller, Callers};

/// One rule's part of a [`Tally`].
#[derive(Clone, Default)]
pub(crate) struct RuleTally {
    pub(crate) callers: Callers,
    pub(crate) accepted: Vec<Caller>,
    pub(crate) compliant: u64,
    pub(crate) unnamed: u64,
}

/// As many accepted callers are handed over at once; what is beyond comes again with its next
/// request.
const ACCEPTED_AT_ONCE: usize = 4 * 1024;

/// The callers that one core saw and refused, by rule, since the last [`Tally::take`].
///
/// It belongs to one core; the breaker takes it whole and leaves an empty one, which is a swap of a
/// pointer.
#[derive(Clone, Default)]
pub struct Tally {
    pub(crate) rules: Vec<(Arc<str>, RuleTally)>,
}

impl Tally {
    /// Counts one request that `rule` matched; of a network, at most `per_network` callers are
    /// counted.
    pub fn record(&mut self, rule: &str, caller: Caller, refused: bool, per_network: u32) {
        let tally = self.rule_mut(rule);
        if tally.callers.is_empty() {
            tally.callers = Callers::new(per_network);
        }
        // All of a tally is of one moment; its second is that of the merge.
        tally.callers.record(1, 0, caller, refused);
    }

    /// Notes a caller whose request, which `rule` matched, an upstream answered with 2xx.
    pub fn record_accepted(&mut self, rule: &str, caller: Caller) {
        let accepted = &mut self.rule_mut(rule).accepted;
        if accepted.len() < ACCEPTED_AT_ONCE {
            accepted.push(caller);
        }
    }

    /// Counts a request that meets the version that `rule` requires: there is something to upgrade
    /// to.
    pub fn record_compliant(&mut self, rule: &str) {
        self.rule_mut(rule).compliant += 1;
    }

    /// Counts a request that `rule` would ramp, if it only had an identity.
    pub fn record_unnamed(&mut self, rule: &str) {
        self.rule_mut(rule).unnamed += 1;
    }

    /// By rule, how many requests met its version, and how many had no identity for its ramp.
    pub fn sightings(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.rules.iter().map(|(rule, tally)| (rule.as_ref(), tally.compliant, tally.unnamed))
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns the counts so far and leaves the tally empty.
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    fn rule_mut(&mut self, rule: &str) -> &mut RuleTally {
        // Rules are few, and a name is copied once per handing over, not once per request.
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
