//! Sketches: the number of distinct callers, and the most frequent items, in bounded memory.
//!
//! Both can be merged: the sketch of a day is the union of the sketches of its hours. Adding up the
//! numbers of the hours would count a caller once per hour.

use std::hash::{Hash, Hasher};

use datasketches::common::NumStdDev;
use datasketches::frequencies::{ErrorType, FrequentItemsSketch};
use datasketches::hll::{Coupon, HllSketch, HllType, HllUnion};
use siphasher::sip::SipHasher13;

/// The base-2 logarithm of the number of registers: 4,096, for a standard error of 1.6 %.
const REGISTERS_LOG2: u8 = 12;

/// The maximum error of a count that callers of this module may assume, as a share: three standard
/// errors. About one count in 400 exceeds it.
pub const DISTINCT_ERROR: f64 = 0.05;

/// The places in the table of a [`TopItems`].
const TOP_PLACES: usize = 4096;

/// The hash of one caller, evenly spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallerHash(u64);

impl CallerHash {
    /// The 64 bits.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

/// Hashes callers with a secret key. Without the key, a client cannot invent identities whose
/// hashes make a count far too high.
#[derive(Clone, Copy)]
pub struct CallerHasher {
    key: [u8; 16],
}

impl CallerHasher {
    /// A hasher with this key. The same key gives the same hashes.
    pub fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// The hash of an identity or an address.
    pub fn hash_caller(&self, caller: impl Hash) -> CallerHash {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        caller.hash(&mut hasher);
        CallerHash(hasher.finish())
    }
}

/// The number of distinct callers.
///
/// It is exact up to a few hundred callers, and then has a standard error of 1.6 %. It needs about
/// 2 KiB for any number of callers.
#[derive(Clone, Default)]
pub struct DistinctCallers {
    /// `None` until the first caller, because most counts of a large policy stay at zero.
    sketch: Option<Box<HllSketch>>,
}

impl DistinctCallers {
    /// Counts a caller.
    pub fn insert_caller(&mut self, caller: CallerHash) {
        if self.sketch.is_none() {
            self.sketch = empty_sketch();
        }
        if let Some(sketch) = &mut self.sketch {
            sketch.update_with_coupon(Coupon::from_value(caller.0));
        }
    }

    /// Counts the callers of `other`, too.
    pub fn merge_callers(&mut self, other: &Self) {
        let Some(theirs) = &other.sketch else { return };
        let Some(own) = &self.sketch else {
            self.sketch = Some(theirs.clone());
            return;
        };
        // Fails only for a number of registers that the format does not allow.
        if let Ok(mut union) = HllUnion::new(REGISTERS_LOG2) {
            union.update(own);
            union.update(theirs);
            self.sketch = Some(Box::new(union.to_sketch(HllType::Hll4)));
        }
    }

    /// The estimate. It does not depend on the order in which callers were counted or merged.
    pub fn estimate(&self) -> u64 {
        match &self.sketch {
            Some(sketch) => sketch.composite_estimate().round() as u64,
            None => 0,
        }
    }

    /// The bounds that contain the true number in about 95 % of all cases.
    pub fn bounds(&self) -> (u64, u64) {
        match &self.sketch {
            Some(sketch) => (
                sketch.lower_bound(NumStdDev::Two).floor() as u64,
                sketch.upper_bound(NumStdDev::Two).ceil() as u64,
            ),
            None => (0, 0),
        }
    }

    /// The bytes for the store; empty if no caller was counted.
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.sketch {
            Some(sketch) => sketch.serialize(),
            None => Vec::new(),
        }
    }

    /// Reads what [`DistinctCallers::to_bytes`] wrote; `None` if these bytes are not that.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let sketch = HllSketch::deserialize(bytes).ok()?;
        Some(Self { sketch: Some(Box::new(sketch)) })
    }
}

fn empty_sketch() -> Option<Box<HllSketch>> {
    // Fails only for a number of registers that the format does not allow.
    let sketch = HllSketch::new(REGISTERS_LOG2, HllType::Hll4).ok()?;
    Some(Box::new(sketch))
}

/// The most frequent of many items, in a table of 4,096 places.
///
/// An item that makes up more than 0.1 % of all is always in it.
#[derive(Clone)]
pub struct TopItems<T> {
    sketch: Option<FrequentItemsSketch<T>>,
}

/// One item of a [`TopItems`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopItem<T> {
    /// The item.
    pub item: T,
    /// The lower bound of its count.
    pub at_least: u64,
    /// The upper bound of its count.
    pub at_most: u64,
}

impl<T: Clone + Eq + Hash> Default for TopItems<T> {
    fn default() -> Self {
        // Fails only for a size that is no power of two.
        Self { sketch: FrequentItemsSketch::new(TOP_PLACES).ok() }
    }
}

impl<T: Clone + Eq + Hash + Ord> TopItems<T> {
    /// Counts an item `times` times.
    pub fn count_item(&mut self, item: T, times: u64) {
        if let Some(sketch) = &mut self.sketch {
            sketch.update_with_count(item, times);
        }
    }

    /// Counts the items of `other`, too.
    pub fn merge_items(&mut self, other: &Self) {
        if let (Some(own), Some(theirs)) = (&mut self.sketch, &other.sketch) {
            own.merge(theirs);
        }
    }

    /// The lower and upper bound of an item's count.
    pub fn count_of(&self, item: &T) -> (u64, u64) {
        match &self.sketch {
            Some(sketch) => (sketch.lower_bound(item), sketch.upper_bound(item)),
            None => (0, 0),
        }
    }

    /// The `limit` items with the highest certain counts, the most frequent first.
    pub fn top(&self, limit: usize) -> Vec<TopItem<T>> {
        let Some(sketch) = &self.sketch else { return Vec::new() };
        let mut items = Vec::new();
        for row in sketch.frequent_items(ErrorType::NoFalseNegatives) {
            // An item that may not have occurred at all is left out.
            if row.lower_bound() > 0 {
                items.push(TopItem {
                    item: row.item().clone(),
                    at_least: row.lower_bound(),
                    at_most: row.upper_bound(),
                });
            }
        }
        // Ties are broken by the item, so that the same input gives the same list.
        items.sort_by(|a, b| b.at_least.cmp(&a.at_least).then_with(|| a.item.cmp(&b.item)));
        items.truncate(limit);
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher() -> CallerHasher {
        CallerHasher::new([7; 16])
    }

    fn counted(range: std::ops::Range<u32>) -> DistinctCallers {
        let mut callers = DistinctCallers::default();
        for caller in range {
            callers.insert_caller(hasher().hash_caller(caller));
        }
        callers
    }

    /// Measured against the exact number, at sizes on both sides of each change of representation.
    #[test]
    fn counts_stay_within_the_documented_error() {
        assert_eq!(DistinctCallers::default().estimate(), 0);
        for exact in [1_u32, 7, 8, 100, 300, 1_000, 5_000, 20_000, 100_000, 1_000_000] {
            let estimate = counted(0..exact).estimate();
            let error = (estimate as f64 - f64::from(exact)).abs() / f64::from(exact);
            assert!(error <= DISTINCT_ERROR, "{exact} callers were counted as {estimate}");
            if exact <= 300 {
                assert_eq!(estimate, u64::from(exact));
            }
        }
    }

    #[test]
    fn merged_callers_are_counted_once() {
        let mut both = counted(0..6_000);
        both.merge_callers(&counted(4_000..10_000));
        let (low, high) = both.bounds();
        assert!((low..=high).contains(&10_000), "{low} to {high}");
        let mut few = counted(0..50);
        few.merge_callers(&counted(25..75));
        assert_eq!(few.estimate(), 75);
        few.merge_callers(&DistinctCallers::default());
        assert_eq!(few.estimate(), 75);
    }

    #[test]
    fn the_stored_form_is_small_and_complete() {
        for exact in [0, 1, 50, 3_000, 200_000] {
            let callers = counted(0..exact);
            let bytes = callers.to_bytes();
            assert!(bytes.len() < 3_000, "{} bytes for {exact} callers", bytes.len());
            let read = DistinctCallers::from_bytes(&bytes).expect("they were written just now");
            assert_eq!(read.estimate(), callers.estimate());
        }
        assert!(DistinctCallers::from_bytes(b"neither").is_none());
    }

    #[test]
    fn frequent_items_are_found_among_a_million_others() {
        let mut items = TopItems::default();
        for other in 0..1_000_000_u64 {
            items.count_item(other + 100, 1);
            if other % 50 == 0 {
                items.count_item(other % 3, 1);
            }
        }
        let top = items.top(3);
        assert_eq!(top.len(), 3, "{top:?}");
        for item in &top {
            assert!(item.item < 3, "{item:?}");
            assert!(item.at_least <= 6_667 && item.at_most >= 6_666, "{item:?}");
        }
        let mut merged = TopItems::default();
        merged.count_item(1_u64, 3);
        merged.merge_items(&items);
        assert_eq!(merged.top(1)[0].item, 1);
    }
}
