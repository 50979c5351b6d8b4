//! What one core saw since it was last asked.

use crate::Fingerprint;
use crate::sketch::Registers;
use std::collections::HashSet;
use std::sync::Arc;

/// As many fingerprints are kept one by one; beyond, they are counted by a sketch.
pub(crate) const EXACT: usize = 2048;

/// Different identities of one short time: exact up to 2,048, sketched beyond.
#[derive(Clone, Default)]
pub struct Slice {
    pub(crate) few: HashSet<Fingerprint>,
    pub(crate) many: Option<Registers>,
}

impl Slice {
    /// Counts `fingerprint`, once.
    pub fn insert(&mut self, fingerprint: Fingerprint) {
        if self.few.len() < EXACT || self.few.contains(&fingerprint) {
            self.few.insert(fingerprint);
        } else {
            self.many.get_or_insert_with(Registers::new).insert(fingerprint);
        }
    }
}

/// One rule's part of a [`Tally`].
#[derive(Clone, Default)]
pub(crate) struct RuleTally {
    pub(crate) seen: Slice,
    pub(crate) refused: Slice,
    pub(crate) compliant: u64,
    pub(crate) unnamed: u64,
}

/// The identities that one core saw and refused, by rule, since the last [`Tally::take`].
///
/// It belongs to one core; whoever merges takes it away whole and leaves an empty one, which is a swap of a pointer.
#[derive(Clone, Default)]
pub struct Tally {
    pub(crate) rules: Vec<(Arc<str>, RuleTally)>,
}

impl Tally {
    /// Counts one request that `rule` matched.
    pub fn record(&mut self, rule: &str, identity: Fingerprint, refused: bool) {
        let tally = self.of(rule);
        tally.seen.insert(identity);
        if refused {
            tally.refused.insert(identity);
        }
    }

    /// Counts a request that meets the version that `rule` requires: there is something to upgrade to.
    pub fn record_compliant(&mut self, rule: &str) {
        self.of(rule).compliant += 1;
    }

    /// Counts a request that `rule` would ramp, if it only had an identity.
    pub fn record_unnamed(&mut self, rule: &str) {
        self.of(rule).unnamed += 1;
    }

    /// By rule, how many requests met its version, and how many had no identity for its ramp.
    pub fn sightings(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.rules.iter().map(|(rule, tally)| (rule.as_ref(), tally.compliant, tally.unnamed))
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What was counted so far; the tally begins anew.
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    fn of(&mut self, rule: &str) -> &mut RuleTally {
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
