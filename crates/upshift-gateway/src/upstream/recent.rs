//! A lock-free sliding window over the outcomes of the last ten seconds, for all cores.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The length of the window.
pub(super) const SECONDS: u64 = 10;

/// The width of each count.
const BITS: u32 = 20;
const MASK: u64 = (1 << BITS) - 1;

/// The outcomes of each second. A second is one integer, so that cores can add to it atomically:
/// its time in the upper bits, then the failures, then all outcomes.
#[derive(Default)]
pub(super) struct RecentOutcomes([AtomicU64; SECONDS as usize]);

/// The outcomes in a period of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcomes {
    /// The failures.
    pub(super) failed: u64,
    /// All outcomes, failures included.
    pub(super) all: u64,
}

impl RecentOutcomes {
    /// Adds an outcome at `now`, in milliseconds.
    pub(super) fn add(&self, now: u64, failed: bool) {
        let second = now / 1_000;
        let slot = &self.0[(second % SECONDS) as usize];
        let time = second << (2 * BITS);
        // Ignored: the closure always returns a value, so the update cannot fail.
        let _ = slot.fetch_update(Relaxed, Relaxed, |old| {
            // A slot of an earlier round starts again from zero.
            let counts = if old >> (2 * BITS) == time >> (2 * BITS) { old } else { time };
            // One more would carry over into the count of failures.
            let is_full = counts & MASK == MASK;
            let more = if failed { (1 << BITS) + 1 } else { 1 };
            Some(if is_full { counts } else { counts + more })
        });
    }

    /// The outcomes of the window that ends at `now`.
    pub(super) fn sum(&self, now: u64) -> Outcomes {
        let second = ((now / 1_000) << (2 * BITS)) >> (2 * BITS);
        let mut sum = Outcomes::default();
        for slot in &self.0 {
            let counts = slot.load(Relaxed);
            if second.wrapping_sub(counts >> (2 * BITS)) < SECONDS {
                sum.failed += (counts >> BITS) & MASK;
                sum.all += counts & MASK;
            }
        }
        sum
    }

    /// Removes all outcomes.
    pub(super) fn clear(&self) {
        for slot in &self.0 {
            slot.store(0, Relaxed);
        }
    }
}

impl Outcomes {
    /// The failure rate in per cent; 0 if there were no outcomes.
    pub(super) fn failed_share(self) -> u64 {
        (self.failed * 100).checked_div(self.all).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches outcomes that count for longer than the window.
    #[test]
    fn an_outcome_counts_for_ten_seconds() {
        let recent = RecentOutcomes::default();
        recent.add(500, true);
        recent.add(9_999, false);
        assert_eq!(recent.sum(9_999), Outcomes { failed: 1, all: 2 });
        assert_eq!(recent.sum(10_000), Outcomes { failed: 0, all: 1 });
        recent.add(10_001, true);
        assert_eq!(recent.sum(10_001), Outcomes { failed: 1, all: 2 }, "the slot is used again");
        assert_eq!(recent.sum(60_000), Outcomes::default());
    }

    /// Catches a count that overflows into the next one.
    #[test]
    fn a_full_second_takes_no_more() {
        let recent = RecentOutcomes::default();
        for _ in 0..=MASK {
            recent.add(0, true);
        }
        assert_eq!(recent.sum(0), Outcomes { failed: MASK, all: MASK });
    }
}
