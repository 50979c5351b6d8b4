//! The combinations of labels that a core has met since it last handed over.
//!
//! Most requests repeat the labels of an earlier one. Those are recognised by the bytes that the
//! labels are made from, so that labels are made once a second and not for each request.

use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::RandomState;
use upshift_core::{Decision, Facts, Ruling};

use super::request_labels::{http_label, observed_value, tls_label};

/// The most combinations that are remembered. The labels of further ones are made for each request.
const MAX_COMBINATIONS: usize = 4 * 1024;

/// An odd number by which a product spreads over all bits: 2^64 divided by the golden ratio.
pub(super) const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The number of a cell in a tally.
pub(super) type CellNumber = u32;

/// The cells that the requests of one combination count in.
pub(super) struct Combination {
    /// The cell of the request as a whole.
    pub(super) request: CellNumber,
    /// The cells of the rulings, in their order.
    pub(super) rulings: Box<[CellNumber]>,
    /// The hash of the rules and of their verdicts.
    pub(super) rules: u64,
    /// A number that no other combination of this handover has, spread over 64 bits.
    pub(super) number: u64,
}

/// The combinations that were met.
#[derive(Default)]
pub(super) struct Combinations {
    // Clients choose the keys, so the hasher has a random seed.
    known: HashMap<Box<[u8]>, Rc<Combination>, RandomState>,
    /// The key of the current request. It is kept for its memory.
    key: Vec<u8>,
    /// The combinations so far, with those that were not remembered.
    count: u64,
}

impl Combinations {
    /// The combination of this request, if an earlier request had the same.
    pub(super) fn find(
        &mut self,
        decision: &Decision<'_>,
        facts: &Facts<'_>,
    ) -> Option<Rc<Combination>> {
        self.write_key(decision, facts);
        self.known.get(&*self.key).map(Rc::clone)
    }

    /// The number of the next combination.
    pub(super) fn next_number(&mut self) -> u64 {
        self.count += 1;
        self.count.wrapping_mul(SPREAD)
    }

    /// Remembers the combination of the request that was last looked for.
    pub(super) fn remember(&mut self, combination: &Rc<Combination>) {
        if self.known.len() < MAX_COMBINATIONS {
            self.known.insert(self.key.as_slice().into(), Rc::clone(combination));
        }
    }

    /// Forgets all combinations.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    /// Writes everything that the labels of a request are made from.
    fn write_key(&mut self, decision: &Decision<'_>, facts: &Facts<'_>) {
        self.key.clear();
        self.write_part(http_label(facts).as_bytes());
        self.write_part(tls_label(facts).as_bytes());
        match facts.fields.nth("user-agent", 0) {
            Some(agent) => self.write_part(agent),
            None => self.key.push(0),
        }
        for ruling in decision.matched() {
            self.write_ruling(ruling);
        }
    }

    fn write_ruling(&mut self, ruling: &Ruling<'_>) {
        self.write_part(ruling.rule.id.as_bytes());
        let cause = ruling.cause.map_or(u8::MAX, |cause| cause as u8);
        let decided = [ruling.phase() as u8, ruling.verdict as u8, ruling.reason as u8, cause];
        self.key.extend(decided);
        match observed_value(ruling) {
            Some(value) => self.write_part(value.as_bytes()),
            None => self.key.push(0),
        }
    }

    /// Writes a part with its length before it, so that no two requests share a key by accident.
    fn write_part(&mut self, part: &[u8]) {
        // Never 0, which stands for a part that is missing.
        let length = part.len() as u32 + 1;
        self.key.extend(length.to_le_bytes());
        self.key.extend_from_slice(part);
    }
}
