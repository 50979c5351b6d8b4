//! A fast pseudo-random generator for balancing load.

/// Pseudo-random numbers for load balancing and request ids. Not for secrets.
pub(crate) struct Random(u64);

impl Random {
    /// A generator with a random seed. It comes from the standard library's hasher, which the
    /// system seeds.
    pub(crate) fn new() -> Self {
        use std::hash::{BuildHasher, Hasher};
        // xorshift stays at 0 for ever if it starts there, so the seed is odd.
        Self(std::collections::hash_map::RandomState::new().build_hasher().finish() | 1)
    }

    /// The next 64 bits (xorshift64*).
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number from 0 to `limit` - 1; `limit` is at least 1.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        // The low bits of xorshift64* are its weakest.
        (self.next_u64() >> 33) % limit.max(1)
    }
}
