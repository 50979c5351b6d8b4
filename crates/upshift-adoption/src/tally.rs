//! What one core saw since it was last asked.

use crate::Fingerprint;
use crate::sketch::Registers;
use std::collections::{BTreeMap, HashSet};
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
}

/// The identities that one core saw and refused, by rule, since the last [`Tally::take`].
///
/// It belongs to one core; whoever merges takes it away whole and leaves an empty one, which is a swap of a pointer.
#[derive(Clone, Default)]
pub struct Tally {
    pub(crate) rules: BTreeMap<Arc<str>, RuleTally>,
}

impl Tally {
    /// Counts one request that `rule` matched.
    pub fn record(&mut self, rule: &str, identity: Fingerprint, refused: bool) {
        if !self.rules.contains_key(rule) {
            self.rules.insert(rule.into(), RuleTally::default());
        }
        if let Some(tally) = self.rules.get_mut(rule) {
            tally.seen.insert(identity);
            if refused {
                tally.refused.insert(identity);
            }
        }
    }

    /// What was counted so far; the tally begins anew.
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}
