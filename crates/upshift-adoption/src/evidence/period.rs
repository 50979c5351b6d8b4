//! Periods of time, `[from, to)`.

use jiff::Timestamp;

/// A period of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

impl Period {
    /// Returns true if the two have any time in common.
    pub(super) fn overlaps(&self, other: Self) -> bool {
        self.clip(other).is_some()
    }

    /// The part of `other` in this period.
    pub(super) fn clip(&self, other: Self) -> Option<Self> {
        let (from, to) = (self.from.max(other.from), self.to.min(other.to));
        if from < to { Some(Self { from, to }) } else { None }
    }

    /// The length in seconds.
    pub(super) fn seconds(&self) -> u64 {
        let seconds = self.to.as_second() - self.from.as_second();
        seconds.max(0).unsigned_abs()
    }
}

/// A second since 1970.
pub(super) fn instant(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or_default()
}
