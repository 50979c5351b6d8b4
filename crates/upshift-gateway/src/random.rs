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

    /// Digits in hexadecimal, each of 4 random bits.
    pub(crate) fn hex_digits<const N: usize>(&mut self) -> [u8; N] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; N];
        // One by one: `format!` costs five times as much.
        for sixteen in digits.chunks_mut(16) {
            let mut bits = self.next_u64();
            for digit in sixteen {
                bits = bits.rotate_left(4);
                *digit = DIGITS[(bits & 0xf) as usize];
            }
        }
        digits
    }

    /// A number from 0 to `limit` - 1; `limit` is at least 1.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        // The low bits of xorshift64* are its weakest.
        (self.next_u64() >> 33) % limit.max(1)
    }
}
