//! The fingerprints that a thread has made lately. A caller that sends many requests costs SHA-256
//! once, and not once for each of them.

use std::cell::RefCell;

use crate::Fingerprint;
use crate::sketch::CallerHash;

/// The number of places. Each has one caller; a further one of the same place replaces it.
const PLACES: usize = 1024;

thread_local! {
    /// The callers by their keyed hash, which has as many bits as a fingerprint: two callers, or one
    /// under two keys, have the same hash as rarely as the same fingerprint.
    static RECENT: RefCell<Vec<Option<(CallerHash, Fingerprint)>>> =
        const { RefCell::new(Vec::new()) };
}

/// The fingerprint of the caller with this hash, if it is kept.
pub(crate) fn find_recent(hash: CallerHash) -> Option<Fingerprint> {
    RECENT.with_borrow(|recent| match recent.get(place_of(hash)) {
        Some(Some((kept, fingerprint))) if *kept == hash => Some(*fingerprint),
        _ => None,
    })
}

/// Keeps a fingerprint.
pub(crate) fn keep_recent(hash: CallerHash, fingerprint: Fingerprint) {
    RECENT.with_borrow_mut(|recent| {
        // Not before the first one: few threads count callers.
        recent.resize(PLACES, None);
        recent[place_of(hash)] = Some((hash, fingerprint));
    });
}

fn place_of(hash: CallerHash) -> usize {
    (hash.bits() % PLACES as u64) as usize
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
}
