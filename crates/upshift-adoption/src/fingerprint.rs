//! Hashes of identities, which can be counted, compared and reported without the identity.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::sketch::CallerHasher;

/// The secret key with which one installation hashes identities. It is in the store, so that a
/// fingerprint is the same in all reports of one installation. Other installations have other
/// fingerprints for the same identity.
#[derive(Clone)]
pub struct IdentityKey {
    bytes: [u8; 32],
    hasher: CallerHasher,
}

/// SHA-256 of each key that was published. One was in this project's repository, in a store that
/// was committed by mistake (f7492fc). With the key, the identity behind a fingerprint can be
/// guessed.
const PUBLISHED: &[[u8; 32]] = &[[
    0xdc, 0xc5, 0x9a, 0x55, 0x70, 0xcf, 0xc0, 0x3b, 0x50, 0x8c, 0x29, 0xda, 0x9b, 0xa5, 0x10, 0xf4,
    0xf1, 0x79, 0x9b, 0x6a, 0x2f, 0x46, 0x8b, 0x53, 0xf8, 0x21, 0x40, 0xc3, 0x35, 0xa3, 0x3d, 0xec,
]];

impl IdentityKey {
    /// A key of 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        // Another key than that of the fingerprints: a sketch reveals some bits of its hashes.
        let digest = Sha256::new().chain_update(bytes).chain_update("callers").finalize();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Self { bytes, hasher: CallerHasher::new(key) }
    }

    /// The 32 bytes, for the store.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Returns true if the key was published, so that it protects no identity.
    pub(crate) fn is_published(&self) -> bool {
        self.is_among(PUBLISHED)
    }

    /// Returns true if the SHA-256 of the key is one of `digests`.
    pub(crate) fn is_among(&self, digests: &[[u8; 32]]) -> bool {
        // Digests, because the keys themselves would be published once more in this file.
        digests.contains(&Sha256::digest(self.bytes).into())
    }

    /// The hasher for the sketches of this installation.
    pub fn caller_hasher(&self) -> CallerHasher {
        self.hasher
    }

    /// The fingerprint of `identity`: the first 8 bytes of SHA-256(key ‖ identity), big-endian.
    ///
    /// The key has a fixed length, so that no identity can contain a part of it.
    pub fn fingerprint(&self, identity: &[u8]) -> Fingerprint {
        let digest = Sha256::new().chain_update(self.bytes).chain_update(identity).finalize();
        let mut head = [0; 8];
        // 64 bits distinguish a million callers, and fit in the tables of the breaker.
        head.copy_from_slice(&digest[..8]);
        Fingerprint(u64::from_be_bytes(head))
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // With the key, the identity of a fingerprint can be found by trying identities.
        f.write_str("IdentityKey(…)")
    }
}

/// The hash of an identity, shown as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The 64 bits, evenly spread.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// The fingerprint with these [`Fingerprint::bits`].
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
        let (one, two) = (IdentityKey::new([1; 32]), IdentityKey::new([2; 32]));
        assert_eq!(one.fingerprint(b"alice"), one.fingerprint(b"alice"));
        assert_ne!(one.fingerprint(b"alice"), two.fingerprint(b"alice"));
        assert_ne!(one.fingerprint(b"alice"), one.fingerprint(b"bob"));
        assert_eq!(one.fingerprint(b"alice").to_string().len(), 16);
        assert_eq!(format!("{one:?}"), "IdentityKey(…)");
    }
}
