//! The doorkeeper of caches: it lets in the keys that come again. Most of those that came once do
//! not, and keeping each takes longer than it saves.

/// The places, of which each remembers one key.
const PLACES: usize = 16 * 1024;

/// Parts of the hashes of keys that came once.
#[derive(Debug)]
pub(crate) struct SeenOnce(Vec<u32>);

impl Default for SeenOnce {
    fn default() -> Self {
        Self(vec![0; PLACES])
    }
}

impl SeenOnce {
    /// Returns true if a key of this hash came before, and not too many others since.
    pub(crate) fn comes_again(&mut self, hash: u64) -> bool {
        let place = &mut self.0[(hash >> 32) as usize % PLACES];
        let part = hash as u32;
        std::mem::replace(place, part) == part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_again_after_it_came_once() {
        let mut seen = SeenOnce::default();
        assert!(!seen.comes_again(7 << 32 | 1));
        assert!(seen.comes_again(7 << 32 | 1));
        assert!(!seen.comes_again(7 << 32 | 2) && !seen.comes_again(7 << 32 | 1));
    }
}
