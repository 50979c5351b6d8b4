//! The requests that were counted last, by the texts of their lines: an equal line is counted
//! without being read.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::outcome::OutcomeId;
use crate::seen_once::SeenOnce;

/// The places, each for two requests.
const PLACES: usize = 4096;

/// The most bytes of texts that are kept of a request.
const LONGEST: usize = 1024;

/// The requests that were counted last.
#[derive(Debug)]
pub(crate) struct KnownRequests {
    places: Vec<[Option<KnownRequest>; 2]>,
    seen: SeenOnce,
    hashes: RandomState,
}

/// The texts that distinguish requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestKey<'k, 'l> {
    /// The facts beside the texts.
    pub(crate) facts: u64,
    /// The meaning of each text; empty if the format fixes it.
    pub(crate) tags: &'k [u8],
    pub(crate) texts: &'k [&'l [u8]],
}

/// A request, and all that its counts need.
#[derive(Debug)]
struct KnownRequest {
    hash: u64,
    facts: u64,
    tags: Box<[u8]>,
    /// The texts, each with a newline after it. No text contains one.
    texts: Box<[u8]>,
    counted: CountedOutcome,
}

/// The outcome of a request, as it was counted.
#[derive(Clone, Debug)]
pub(crate) struct CountedOutcome {
    pub(crate) outcome: OutcomeId,
    /// For a request that is refused.
    pub(crate) refused: Option<Arc<RefusedTexts>>,
    /// For a request that a ramp which is still to come refuses: its outcome once all rules are
    /// enforced. The log does not record the identity.
    pub(crate) ramped: Option<OutcomeId>,
}

/// The texts of a refused request that are listed.
#[derive(Debug)]
pub(crate) struct RefusedTexts {
    /// The shape of its path.
    pub(crate) path: Arc<str>,
    pub(crate) agent: Option<Arc<str>>,
}

impl Default for KnownRequests {
    fn default() -> Self {
        let mut places = Vec::new();
        places.resize_with(PLACES, || [None, None]);
        Self { places, seen: SeenOnce::default(), hashes: RandomState::default() }
    }
}

impl KnownRequests {
    /// The outcome of an equal request.
    pub(crate) fn find(&self, key: &RequestKey<'_, '_>) -> Option<&CountedOutcome> {
        let hash = self.hash_of(key);
        let [newer, older] = &self.places[place_of(hash)];
        for known in [newer, older].into_iter().flatten() {
            if known.hash == hash && known.is_of(key) {
                return Some(&known.counted);
            }
        }
        None
    }

    /// Keeps a request that comes for the second time, in place of the older one of its place.
    pub(crate) fn keep(&mut self, key: &RequestKey<'_, '_>, counted: CountedOutcome) {
        let hash = self.hash_of(key);
        let length: usize = key.texts.iter().map(|text| text.len() + 1).sum();
        if !self.seen.comes_again(hash) || length > LONGEST {
            return;
        }
        let mut texts = Vec::with_capacity(length);
        for text in key.texts {
            texts.extend_from_slice(text);
            texts.push(b'\n');
        }
        let (tags, texts) = (key.tags.into(), texts.into());
        let known = KnownRequest { hash, facts: key.facts, tags, texts, counted };
        let [newer, older] = &mut self.places[place_of(hash)];
        *older = newer.replace(known);
    }

    fn hash_of(&self, key: &RequestKey<'_, '_>) -> u64 {
        let mut hasher = self.hashes.build_hasher();
        hasher.write_u64(key.facts);
        if !key.tags.is_empty() {
            hasher.write(key.tags);
        }
        for text in key.texts {
            hasher.write(text);
        }
        hasher.finish()
    }
}

fn place_of(hash: u64) -> usize {
    (hash >> 32) as usize % PLACES
}

impl KnownRequest {
    fn is_of(&self, key: &RequestKey<'_, '_>) -> bool {
        if self.facts != key.facts || !self.has_tags(key.tags) {
            return false;
        }
        let mut rest = &*self.texts;
        for text in key.texts {
            let Some((own, after)) = rest.split_at_checked(text.len()) else { return false };
            let [b'\n', after @ ..] = after else { return false };
            if own != *text {
                return false;
            }
            rest = after;
        }
        rest.is_empty()
    }

    fn has_tags(&self, tags: &[u8]) -> bool {
        // An empty slice may point nowhere, and comparing it takes processors longer than all texts:
        // `memcmp` reads from the address, and counts on the mask to suppress the fault.
        self.tags.len() == tags.len() && (tags.is_empty() || *self.tags == *tags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key<'k, 'l>(facts: u64, texts: &'k [&'l [u8]]) -> RequestKey<'k, 'l> {
        RequestKey { facts, tags: b"", texts }
    }

    #[test]
    fn only_an_equal_request_is_known() {
        let mut known = KnownRequests::default();
        let counted = CountedOutcome { outcome: OutcomeId(3), refused: None, ramped: None };
        let request = [&b"GET / HTTP/1.1"[..], b"App/2"];
        known.keep(&key(1, &request), counted.clone());
        assert!(known.find(&key(1, &request)).is_none());
        known.keep(&key(1, &request), counted);
        let found = |facts, texts: &[&[u8]]| known.find(&key(facts, texts)).is_some();
        assert!(found(1, &[b"GET / HTTP/1.1", b"App/2"]));
        for texts in [
            &[&b"GET / HTTP/1.1App"[..], b"/2"][..],
            &[b"GET / HTTP/1.1"],
            &[b"GET / HTTP/1.1", b"App/2", b""],
            &[b"GET / HTTP/1.1", b"App/3"],
        ] {
            assert!(!found(1, texts), "{texts:?}");
        }
        assert!(!found(2, &[b"GET / HTTP/1.1", b"App/2"]));
    }

    #[test]
    fn a_long_request_is_not_kept() {
        let mut known = KnownRequests::default();
        let text = vec![b'x'; LONGEST];
        let counted = CountedOutcome { outcome: OutcomeId(0), refused: None, ramped: None };
        known.keep(&key(0, &[&text]), counted.clone());
        known.keep(&key(0, &[&text]), counted);
        assert!(known.find(&key(0, &[&text])).is_none());
    }
}
