//! Numbers that are random enough to spread load.

/// Numbers for balancing and request ids: fast, and no secret.
pub(crate) struct Random(u64);

impl Random {
    /// Seeded by the hasher that the standard library seeds from the system.
    pub(crate) fn new() -> Self {
        use std::hash::{BuildHasher, Hasher};
        Self(std::collections::hash_map::RandomState::new().build_hasher().finish() | 1)
    }

    /// The next 64 bits (xorshift64*).
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number from 0 to `limit` - 1; `limit` is at least 1.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 33) % limit.max(1)
    }
}
