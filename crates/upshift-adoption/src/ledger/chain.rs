//! The hashes of the chain.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A position in the chain: the number of a revision, and its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainHead {
    /// The number of the revision; 0 before the first.
    pub number: u64,
    /// The hash in hexadecimal digits.
    pub hash: String,
}

impl ChainHead {
    /// The position before the first revision.
    pub fn before_first() -> Self {
        Self { number: 0, hash: "0".repeat(64) }
    }

    /// The position of the next revision, if it has this content.
    pub fn next(&self, content: &str) -> Self {
        Self { number: self.number + 1, hash: hash_after(&self.hash, content) }
    }
}

/// The hash of a revision with this content after one with the hash `previous`.
pub(super) fn hash_after(previous: &str, content: &str) -> String {
    sha256_hex(format!("{previous}\n{content}").as_bytes())
}

/// The SHA-256 of these bytes in hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documentation shows how to compute a hash without this program.
    #[test]
    fn the_hash_is_the_documented_one() {
        let first = ChainHead::before_first().next("{}");
        // printf '%064d\n{}' 0 | sha256sum
        let expected = "5649d09ed68c17156095d175eef152856c5b1a81c117c409c1e00f096aa6838e";
        assert_eq!((first.number, first.hash.as_str()), (1, expected));
    }
}
