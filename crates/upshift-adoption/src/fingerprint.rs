//! Identities, hashed so that they can be counted, compared and reported, but not read.

use sha2::{Digest, Sha256};
use std::fmt;

/// The secret under which one installation hashes identities. It lives in the store, so that a
/// fingerprint in yesterday's report is the same as in today's; another installation's are
/// different.
#[derive(Clone)]
pub struct Key([u8; 32]);

/// SHA-256 of each key that was published: one stood in this project's repository, in a store that
/// was committed by mistake (f7492fc). With a key, anybody can find out which identity a
/// fingerprint belongs to.
const PUBLISHED: &[[u8; 32]] = &[[
    0xdc, 0xc5, 0x9a, 0x55, 0x70, 0xcf, 0xc0, 0x3b, 0x50, 0x8c, 0x29, 0xda, 0x9b, 0xa5, 0x10, 0xf4,
    0xf1, 0x79, 0x9b, 0x6a, 0x2f, 0x46, 0x8b, 0x53, 0xf8, 0x21, 0x40, 0xc3, 0x35, 0xa3, 0x3d, 0xec,
]];

impl Key {
    /// A key of 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes, for the store.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Tells whether this key was published, so that it protects no identity.
    pub(crate) fn is_published(&self) -> bool {
        self.is_among(PUBLISHED)
    }

    /// Tells whether the SHA-256 of this key is one of `digests`.
    pub(crate) fn is_among(&self, digests: &[[u8; 32]]) -> bool {
        digests.contains(&Sha256::digest(self.0).into())
    }

    /// The fingerprint of `identity`: the first 8 bytes of SHA-256(key ‖ identity), big-endian.
    ///
    /// The key has a fixed length, so no identity can pretend to a part of it.
    pub fn fingerprint(&self, identity: &[u8]) -> Fingerprint {
        let digest = Sha256::new().chain_update(self.0).chain_update(identity).finalize();
        let mut head = [0; 8];
        head.copy_from_slice(&digest[..8]);
        Fingerprint(u64::from_be_bytes(head))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// An identity that nobody can read, as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The 64 bits, evenly spread.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// A fingerprint of these bits, as [`Fingerprint::bits`] gave them.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_key_and_identity_and_shows_neither() {
        let (one, two) = (Key::new([1; 32]), Key::new([2; 32]));
        assert_eq!(one.fingerprint(b"alice"), one.fingerprint(b"alice"));
        assert_ne!(one.fingerprint(b"alice"), two.fingerprint(b"alice"));
        assert_ne!(one.fingerprint(b"alice"), one.fingerprint(b"bob"));
        assert_eq!(one.fingerprint(b"alice").to_string().len(), 16);
        assert_eq!(format!("{one:?}"), "Key(…)");
    }
}
