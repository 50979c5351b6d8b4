//! The senders that one core knows, with their combinations and numbers of requests.
//!
//! A sender usually repeats its request. The work for the first one, such as a fingerprint, is done
//! once, and further requests only increase a count.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use super::combinations::CombinationNumber;
use crate::canary::RequestKind;

/// The most senders that are known at a time.
const MAX_SENDERS: usize = 64 * 1024;

/// The number of a sender in a tally.
pub(crate) type SenderNumber = u32;

/// The latest requests of a sender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SenderCount {
    pub(crate) sender: SenderNumber,
    pub(crate) requests: u32,
    /// The time of the last one, in seconds since 1970.
    pub(crate) last_seen: i64,
}

/// The requests of a sender since the last handover.
struct SenderSlot {
    last_seen: i64,
    requests: u32,
    /// The kind of the request that was noted last for the canary.
    noted: Option<RequestKind>,
}

/// The origin of a sender, which is not needed for counting.
struct SenderOrigin {
    combination: CombinationNumber,
    is_provisional: bool,
}

/// The senders that are known.
#[derive(Default)]
pub(super) struct KnownSenders {
    // The keys are already hashes.
    numbers: HashMap<u64, SenderNumber, FxBuildHasher>,
    slots: Vec<SenderSlot>,
    origins: Vec<SenderOrigin>,
    /// The senders with requests since the last handover.
    active: Vec<SenderNumber>,
    provisional: usize,
}

impl KnownSenders {
    /// Counts a request of a known sender, and returns its number.
    pub(super) fn count_request(&mut self, key: u64, second: i64) -> Option<SenderNumber> {
        let number = *self.numbers.get(&key)?;
        let slot = self.slots.get_mut(number as usize)?;
        if slot.requests == 0 {
            self.active.push(number);
        }
        slot.requests = slot.requests.saturating_add(1);
        slot.last_seen = second;
        Some(number)
    }

    /// Adds a sender with its first request. A provisional one is forgotten at the next handover.
    pub(super) fn add_sender(
        &mut self,
        key: u64,
        combination: CombinationNumber,
        is_provisional: bool,
        second: i64,
    ) -> SenderNumber {
        let number = self.slots.len() as SenderNumber;
        self.slots.push(SenderSlot { last_seen: second, requests: 1, noted: None });
        self.origins.push(SenderOrigin { combination, is_provisional });
        self.provisional += usize::from(is_provisional);
        self.active.push(number);
        self.numbers.insert(key, number);
        number
    }

    /// The combination of a sender.
    pub(super) fn combination_of(&self, number: SenderNumber) -> CombinationNumber {
        self.origins[number as usize].combination
    }

    /// Returns true if the last request of the sender that was noted was of this kind.
    pub(super) fn was_noted(&self, number: SenderNumber, kind: RequestKind) -> bool {
        self.slots[number as usize].noted == Some(kind)
    }

    /// Remembers that a request of this kind was noted.
    pub(super) fn set_noted(&mut self, number: SenderNumber, kind: RequestKind) {
        self.slots[number as usize].noted = Some(kind);
    }

    /// Returns true if nothing was counted since the last handover.
    pub(super) fn is_idle(&self) -> bool {
        self.active.is_empty()
    }

    /// Returns true if a further sender has no place.
    pub(super) fn is_full(&self) -> bool {
        self.slots.len() >= MAX_SENDERS
    }

    /// The latest requests of each combination.
    pub(super) fn requests_by_combination(&self) -> HashMap<CombinationNumber, u64> {
        let mut requests = HashMap::new();
        for number in &self.active {
            let slot = &self.slots[*number as usize];
            *requests.entry(self.combination_of(*number)).or_default() += u64::from(slot.requests);
        }
        requests
    }

    /// Returns the requests since the last call.
    pub(super) fn take_counts(&mut self) -> Vec<SenderCount> {
        let mut counts = Vec::with_capacity(self.active.len());
        for sender in self.active.drain(..) {
            let slot = &mut self.slots[sender as usize];
            let requests = std::mem::take(&mut slot.requests);
            counts.push(SenderCount { sender, requests, last_seen: slot.last_seen });
        }
        counts
    }

    /// Forgets the provisional senders. Returns true if there were any.
    pub(super) fn forget_provisional(&mut self) -> bool {
        if std::mem::take(&mut self.provisional) == 0 {
            return false;
        }
        let origins = &self.origins;
        self.numbers.retain(|_, number| !origins[*number as usize].is_provisional);
        true
    }

    /// Forgets all senders.
    pub(super) fn clear(&mut self) {
        self.numbers.clear();
        self.slots.clear();
        self.origins.clear();
        self.active.clear();
        self.provisional = 0;
    }
}
