//! Different identities within a window that slides, a second at a time.

use crate::Fingerprint;
use crate::sketch::Sliding;
use crate::tally::{EXACT, Slice};
use std::collections::HashMap;

/// How many different identities came within the last `window` seconds: exact up to 2,048 of them, estimated beyond
/// (standard error 1.6 %, 512 KiB).
///
/// Seconds are counted since 1970. A clock that goes back makes nothing younger than it was.
pub struct Distinct {
    window: u32,
    few: HashMap<Fingerprint, u32>,
    /// When `few` last had no room: until the window has passed over it, only the sketch knows the number.
    lost: Option<u32>,
    many: Option<Sliding>,
    /// When `few` was last swept, so that it is swept at most once a second.
    swept: u32,
}

impl Distinct {
    /// Counts within `window` seconds.
    pub fn new(window: u32) -> Self {
        Self { window, few: HashMap::new(), lost: None, many: None, swept: 0 }
    }

    /// Counts `fingerprint` at `second`.
    pub fn insert(&mut self, second: u32, fingerprint: Fingerprint) {
        if let Some(many) = &mut self.many {
            many.insert(second, fingerprint);
        }
        if let Some(last) = self.few.get_mut(&fingerprint) {
            *last = second.max(*last);
            return;
        }
        if self.few.len() >= EXACT && self.swept != second {
            self.sweep(second);
        }
        if self.few.len() < EXACT {
            self.few.insert(fingerprint, second);
        } else {
            self.lost = Some(second);
            self.sketch().insert(second, fingerprint);
        }
    }

    /// Counts all of `slice` at `second`.
    pub fn merge(&mut self, second: u32, slice: &Slice) {
        for fingerprint in &slice.few {
            self.insert(second, *fingerprint);
        }
        if let Some(registers) = &slice.many {
            self.lost = Some(second);
            self.sketch().merge(second, registers);
        }
    }

    /// The number within the window that ends with `second`.
    pub fn count(&self, second: u32) -> u64 {
        let since = self.since(second);
        match (&self.many, self.lost) {
            (Some(many), Some(lost)) if lost >= since => many.estimate(since).round() as u64,
            _ => self.few.values().filter(|last| **last >= since).count() as u64,
        }
    }

    /// Up to `limit` of the identities within the window, in order, so that the same ones are named each time.
    pub fn sample(&self, second: u32, limit: usize) -> Vec<Fingerprint> {
        let since = self.since(second);
        let mut sample: Vec<_> = self.few.iter().filter(|(_, last)| **last >= since).map(|(who, _)| *who).collect();
        sample.sort_unstable();
        sample.truncate(limit);
        sample
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        *self = Self::new(self.window);
    }

    fn since(&self, second: u32) -> u32 {
        (second + 1).saturating_sub(self.window)
    }

    fn sweep(&mut self, second: u32) {
        self.swept = second;
        let since = self.since(second);
        self.few.retain(|_, last| *last >= since);
    }

    /// The sketch, which learns what is known one by one when it begins.
    fn sketch(&mut self) -> &mut Sliding {
        self.many.get_or_insert_with(|| {
            let mut many = Sliding::new();
            for (fingerprint, last) in &self.few {
                many.insert(*last, *fingerprint);
            }
            many
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    fn who(n: u64) -> Fingerprint {
        Key::new([3; 32]).fingerprint(&n.to_be_bytes())
    }

    #[test]
    fn few_are_counted_exactly_and_leave_with_the_window() {
        let mut distinct = Distinct::new(60);
        for n in 0..200 {
            distinct.insert(1_000, who(n));
            distinct.insert(1_000, who(n));
        }
        distinct.insert(1_030, who(0));
        assert_eq!(distinct.count(1_059), 200);
        assert_eq!(distinct.count(1_060), 1);
        assert_eq!(distinct.count(1_090), 0);
        assert_eq!(distinct.sample(1_060, 10), [who(0)]);
    }

    #[test]
    fn many_are_estimated_and_few_are_exact_again_once_they_left() {
        let mut distinct = Distinct::new(60);
        for n in 0..50_000 {
            distinct.insert(1_000, who(n));
        }
        let count = distinct.count(1_010) as f64;
        assert!((count - 50_000.0).abs() < 50_000.0 * 0.05, "{count}");
        for n in 0..100 {
            distinct.insert(1_100, who(n));
        }
        assert_eq!(distinct.count(1_100), 100);
    }

    #[test]
    fn slices_of_several_cores_count_an_identity_once() {
        let (mut one, mut two) = (Slice::default(), Slice::default());
        for n in 0..10_000 {
            one.insert(who(n));
            two.insert(who(n + 5_000));
        }
        let mut distinct = Distinct::new(60);
        distinct.merge(50, &one);
        distinct.merge(51, &two);
        let count = distinct.count(51) as f64;
        assert!((count - 15_000.0).abs() < 15_000.0 * 0.05, "{count}");
    }
}
