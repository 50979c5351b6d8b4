//! The fingerprints that a thread has made lately. A caller that sends many requests costs SHA-256
//! once, and not once for each of them.

use std::cell::RefCell;
use std::ops::Range;

use crate::Fingerprint;
use crate::sketch::CallerHash;

/// The number of places, and of those that a caller may have. A further caller of the same places
/// replaces the one that was added first. With one place for each, a sixth of 200 callers would
/// replace each other all the time.
const PLACES: usize = 1024;
const CHOICES: usize = 4;

thread_local! {
    /// The callers by their keyed hash, which has as many bits as a fingerprint: two callers, or one
    /// under two keys, have the same hash as rarely as the same fingerprint.
    static RECENT: RefCell<Vec<Option<(CallerHash, Fingerprint)>>> =
        const { RefCell::new(Vec::new()) };
}

/// The fingerprint of the caller with this hash, if it is kept.
pub(crate) fn find_recent(hash: CallerHash) -> Option<Fingerprint> {
    RECENT.with_borrow(|recent| {
        for place in recent.get(places_of(hash))? {
            match place {
                Some((kept, fingerprint)) if *kept == hash => return Some(*fingerprint),
                _ => {}
            }
        }
        None
    })
}

/// Keeps a fingerprint.
pub(crate) fn keep_recent(hash: CallerHash, fingerprint: Fingerprint) {
    RECENT.with_borrow_mut(|recent| {
        // Not before the first one: few threads count callers.
        recent.resize(PLACES, None);
        let places = &mut recent[places_of(hash)];
        places.rotate_right(1);
        places[0] = Some((hash, fingerprint));
    });
}

/// The places that a caller may have.
fn places_of(hash: CallerHash) -> Range<usize> {
    let first = (hash.bits() % (PLACES / CHOICES) as u64) as usize * CHOICES;
    first..first + CHOICES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IdentityKey;

    /// Catches a caller that gets the fingerprint of another one in the same place.
    #[test]
    fn a_fingerprint_is_found_for_its_own_caller_only() {
        let hasher = IdentityKey::new([3; 32]).caller_hasher();
        let callers = 0..3 * PLACES as u64;
        for caller in callers.clone() {
            let hash = hasher.hash_caller(caller);
            assert_eq!(find_recent(hash), None);
            keep_recent(hash, Fingerprint::from_bits(caller));
            assert_eq!(find_recent(hash), Some(Fingerprint::from_bits(caller)));
        }
        let mut kept = 0;
        for caller in callers {
            match find_recent(hasher.hash_caller(caller)) {
                Some(found) => assert_eq!(found.bits(), caller),
                None => continue,
            }
            kept += 1;
        }
        assert!((PLACES / 2..=PLACES).contains(&kept), "{kept}");
    }

    /// Catches callers that replace each other although most places are free.
    #[test]
    fn few_callers_are_all_kept() {
        let hasher = IdentityKey::new([4; 32]).caller_hasher();
        for caller in 0..100_u64 {
            keep_recent(hasher.hash_caller(caller), Fingerprint::from_bits(caller));
        }
        for caller in 0..100_u64 {
            let kept = find_recent(hasher.hash_caller(caller));
            assert_eq!(kept.map(Fingerprint::bits), Some(caller));
        }
    }
}
