//! HyperLogLog, in two shapes that share one estimator: registers for a moment, and registers that remember when.
//!
//! Of each fingerprint, the first 12 bits name a register and the place of the first 1 among the rest is its rank. A
//! register holds the greatest rank it saw; how high the ranks stand tells how many different fingerprints there were.
//! The relative standard error is 1.04/√4096 = 1.6 %.
//!
//! For a window that slides, [`Sliding`] keeps for each register and rank the last second it was seen. The register's
//! value in a window is the greatest rank seen within it, so that forgetting needs no work, and merging is a maximum.
//!
//! The estimator is the improved one of O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches"
//! (2017), algorithm 6: right from one to billions, without tables and without a switch between two formulas.

use crate::Fingerprint;

const INDEX_BITS: u32 = 12;
const REGISTERS: usize = 1 << INDEX_BITS;
/// Ranks are 1..=RANKS; the last one stands for "at least". With 32, it is first met at some 10^13 fingerprints.
const RANKS: usize = 32;

/// What was seen, no matter when: 4 KiB.
#[derive(Clone)]
pub(crate) struct Registers(Box<[u8; REGISTERS]>);

impl Registers {
    pub(crate) fn new() -> Self {
        Self(Box::new([0; REGISTERS]))
    }

    pub(crate) fn insert(&mut self, fingerprint: Fingerprint) {
        let (register, rank) = place(fingerprint);
        self.0[register] = self.0[register].max(rank);
    }
}

/// What was seen, and when last: 512 KiB.
pub(crate) struct Sliding(Box<[u32]>);

impl Sliding {
    pub(crate) fn new() -> Self {
        Self(vec![0; REGISTERS * RANKS].into_boxed_slice())
    }

    pub(crate) fn insert(&mut self, second: u32, fingerprint: Fingerprint) {
        let (register, rank) = place(fingerprint);
        self.see(second, register, rank);
    }

    /// Adds all that `other` saw, as seen at `second`.
    pub(crate) fn merge(&mut self, second: u32, other: &Registers) {
        for (register, rank) in other.0.iter().enumerate().filter(|(_, rank)| **rank > 0) {
            self.see(second, register, *rank);
        }
    }

    fn see(&mut self, second: u32, register: usize, rank: u8) {
        let last = &mut self.0[register * RANKS + usize::from(rank) - 1];
        *last = second.max(*last);
    }

    /// The estimated number of different fingerprints seen at `since` (a second) or later.
    pub(crate) fn estimate(&self, since: u32) -> f64 {
        let mut of_rank = [0; RANKS + 1];
        for times in self.0.chunks_exact(RANKS) {
            let rank = times.iter().rposition(|last| *last >= since && *last > 0).map_or(0, |at| at + 1);
            of_rank[rank] += 1;
        }
        estimate(&of_rank)
    }
}

fn place(fingerprint: Fingerprint) -> (usize, u8) {
    let bits = fingerprint.bits();
    let rest = bits << INDEX_BITS;
    let rank = (rest.leading_zeros() as usize + 1).min(RANKS);
    ((bits >> (64 - INDEX_BITS)) as usize, rank as u8)
}

/// `of_rank[k]` registers have rank k.
fn estimate(of_rank: &[u32; RANKS + 1]) -> f64 {
    let m = REGISTERS as f64;
    let mut z = m * tau(1.0 - f64::from(of_rank[RANKS]) / m);
    for count in of_rank[1..RANKS].iter().rev() {
        z = 0.5 * (z + f64::from(*count));
    }
    z += m * sigma(f64::from(of_rank[0]) / m);
    m * m / (2.0 * std::f64::consts::LN_2 * z)
}

/// x + Σ x^(2^k) · 2^(k−1): corrects for registers still empty. Infinite at 1, and the estimate is then 0.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

/// ⅓ (1 − x − Σ (1 − x^(2^−k))² · 2^(−k)): corrects for registers that are full.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    fn fingerprint(n: u64) -> Fingerprint {
        Key::new([7; 32]).fingerprint(&n.to_be_bytes())
    }

    #[test]
    fn the_estimate_is_within_three_standard_errors_from_one_to_a_million() {
        let mut sketch = Sliding::new();
        assert_eq!(sketch.estimate(0), 0.0);
        let mut next = 0;
        for size in [1_u64, 2, 10, 100, 1_000, 5_000, 10_000, 20_000, 100_000, 1_000_000] {
            while next < size {
                sketch.insert(10, fingerprint(next));
                next += 1;
            }
            let error = (sketch.estimate(0) - size as f64).abs() / size as f64;
            assert!(error < 3.0 * 0.01625, "{size}: off by {error}");
        }
    }

    #[test]
    fn what_left_the_window_no_longer_counts() {
        let mut sketch = Sliding::new();
        for n in 0..20_000 {
            sketch.insert(100, fingerprint(n));
        }
        for n in 20_000..25_000 {
            sketch.insert(130, fingerprint(n));
        }
        assert!((sketch.estimate(100) - 25_000.0).abs() < 25_000.0 * 0.05);
        assert!((sketch.estimate(101) - 5_000.0).abs() < 5_000.0 * 0.05);
        assert_eq!(sketch.estimate(131), 0.0);
    }

    #[test]
    fn merging_registers_is_the_same_as_inserting_one_by_one() {
        let (mut merged, mut direct, mut registers) = (Sliding::new(), Sliding::new(), Registers::new());
        for n in 0..5_000 {
            registers.insert(fingerprint(n));
            direct.insert(9, fingerprint(n));
        }
        merged.merge(9, &registers);
        assert_eq!(merged.estimate(0), direct.estimate(0));
    }
}
