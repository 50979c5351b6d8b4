//! The requests of one core by sender: who sent requests of which combination, and how many.
//!
//! A sender usually repeats its request. All that has to be done for the first one, such as a
//! fingerprint, is done once, and the others only count.

use std::collections::HashMap;
use std::rc::Rc;

use rustc_hash::FxBuildHasher;

use super::combinations::{Combination, SPREAD};
use crate::sketch::CallerHash;
use crate::{Fingerprint, Network};

/// The senders after which a core hands over early.
const MAX_SENDERS: usize = 64 * 1024;
/// The hashes of callers after which it does, too. A sender has one for each rule.
const MAX_HASHES: usize = 256 * 1024;

/// The number of a sender.
pub(super) type SenderNumber = u32;

/// The requests of one combination that one client has sent.
pub(super) struct Sender {
    pub(super) combination: Rc<Combination>,
    pub(super) requests: u64,
    /// The times of its first and last request, in seconds since 1970.
    pub(super) first_seen: i64,
    pub(super) last_seen: i64,
    /// The place of its hashes.
    first_hash: usize,
    /// The details, for reports of refused callers.
    pub(super) refused: Option<Box<RefusedSender>>,
}

/// A client that at least one rule refused.
pub(super) struct RefusedSender {
    /// The fingerprints by which the rules know it, in the order of the rulings; `None` for rules
    /// that did not refuse it.
    pub(super) fingerprints: Vec<Option<Fingerprint>>,
    /// The path of its first request, without identifiers.
    pub(super) path: String,
    pub(super) network: Network,
}

/// The senders of the requests since the last handover.
#[derive(Default)]
pub(super) struct Senders {
    // The hashes of callers are keyed, so clients cannot choose them.
    numbers: HashMap<u64, SenderNumber, FxBuildHasher>,
    senders: Vec<Sender>,
    /// For each sender, the hash of its address, and then that of its caller for each ruling.
    hashes: Vec<Option<CallerHash>>,
    /// The hashes of the current request. It is kept for its memory.
    current: Vec<Option<CallerHash>>,
}

impl Senders {
    /// Begins a request from an address.
    pub(super) fn begin_request(&mut self, address: Option<CallerHash>) {
        self.current.clear();
        self.current.push(address);
    }

    /// Adds the caller of the next ruling of the request.
    pub(super) fn add_caller(&mut self, caller: Option<CallerHash>) {
        self.current.push(caller);
    }

    /// Counts the request. Returns the number of the sender if this is its first one.
    pub(super) fn count_request(
        &mut self,
        combination: &Rc<Combination>,
        second: i64,
    ) -> Option<SenderNumber> {
        let next = self.senders.len() as SenderNumber;
        let number = *self.numbers.entry(self.sender_key(combination)).or_insert(next);
        if let Some(sender) = self.senders.get_mut(number as usize) {
            sender.requests += 1;
            sender.last_seen = second;
            return None;
        }
        self.senders.push(Sender {
            combination: Rc::clone(combination),
            requests: 1,
            first_seen: second,
            last_seen: second,
            first_hash: self.hashes.len(),
            refused: None,
        });
        self.hashes.extend_from_slice(&self.current);
        Some(number)
    }

    /// Adds the details of a sender that was refused.
    pub(super) fn set_refused(&mut self, number: SenderNumber, refused: RefusedSender) {
        self.senders[number as usize].refused = Some(Box::new(refused));
    }

    /// The hashes of a sender: of its address, and then of its caller for each ruling.
    pub(super) fn hashes_of(&self, sender: &Sender) -> &[Option<CallerHash>] {
        let end = sender.first_hash + 1 + sender.combination.rulings.len();
        &self.hashes[sender.first_hash..end]
    }

    /// The senders, in the order of their first requests.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Sender> {
        self.senders.iter()
    }

    /// Returns true if there are so many that they should be handed over now.
    pub(super) fn is_full(&self) -> bool {
        self.senders.len() >= MAX_SENDERS || self.hashes.len() >= MAX_HASHES
    }

    /// Forgets all senders.
    pub(super) fn clear(&mut self) {
        self.numbers.clear();
        self.senders.clear();
        self.hashes.clear();
    }

    /// A hash of the combination and of the callers of the current request.
    fn sender_key(&self, combination: &Combination) -> u64 {
        let mut key = combination.number;
        for caller in &self.current {
            let bits = caller.map_or(0, CallerHash::bits);
            // Rules that share their readers have equal hashes, which must not cancel each other.
            key = (key.rotate_left(7) ^ bits).wrapping_mul(SPREAD);
        }
        key
    }
}
