//! The verification of a chain: that nothing was changed, removed or inserted after it was
//! recorded.

use std::collections::{BTreeMap, BTreeSet};

use upshift_record::evidence::{ChainFault, ChangeEvidence};

use super::chain::{ChainHead, hash_after};
use super::entry::LedgerEntry;
use super::policy_text::PolicyText;

/// A chain read from a store, with everything that it names.
#[derive(Debug, Default)]
pub struct StoredChain {
    /// The way in which the chain began.
    pub origin: String,
    /// The positions before the first kept revision and of the last one; `None` if the store does
    /// not contain them.
    pub ends: Option<(ChainHead, ChainHead)>,
    /// The last time at which a process wrote to the store, in seconds since 1970.
    pub alive: Option<i64>,
    /// The revisions, in the order of their numbers.
    pub entries: Vec<StoredEntry>,
    /// The texts of policies by their digests.
    pub policies: BTreeMap<String, String>,
    /// The changes of the overrides by their numbers.
    pub changes: BTreeMap<i64, StoredChange>,
}

/// A change of the overrides, read from a store.
#[derive(Clone, Debug)]
pub struct StoredChange {
    /// The digest of its row, and of that of its trip.
    pub digest: String,
    /// The change.
    pub change: ChangeEvidence,
    /// Its author.
    pub actor: String,
}

/// One revision of a chain.
#[derive(Clone, Debug)]
pub struct StoredEntry {
    /// Its number.
    pub number: u64,
    /// Its content as it was hashed.
    pub content: String,
    /// Its hash.
    pub hash: String,
    /// Its content; `None` if that cannot be read.
    pub entry: Option<LedgerEntry>,
}

impl StoredChain {
    /// The change that a revision names; `None` if it names none, or one that is missing.
    pub fn change_of(&self, entry: &LedgerEntry) -> Option<&ChangeEvidence> {
        let stored = self.changes.get(&entry.change.as_ref()?.number)?;
        Some(&stored.change)
    }
}

/// Lists the positions at which the chain is broken.
pub fn verify_chain(chain: &StoredChain) -> Vec<ChainFault> {
    let mut faults = Vec::new();
    let Some((anchor, head)) = &chain.ends else {
        faults.push(fault(None, "the store no longer says where the chain begins and ends"));
        return faults;
    };
    check_anchor(chain, anchor, &mut faults);
    check_links(chain, anchor, &mut faults);
    check_end(chain, anchor, head, &mut faults);
    check_changes(chain, &mut faults);
    faults
}

fn fault(revision: Option<u64>, problem: impl Into<String>) -> ChainFault {
    ChainFault { revision, problem: problem.into() }
}

/// If a chain does not begin with revision 1, the removal of the earlier ones must be recorded.
fn check_anchor(chain: &StoredChain, anchor: &ChainHead, faults: &mut Vec<ChainFault>) {
    if anchor.number == 0 {
        if *anchor != ChainHead::before_first() {
            faults.push(fault(None, "the hash before the first revision was changed"));
        }
        return;
    }
    let entries = chain.entries.iter().filter_map(|stored| stored.entry.as_ref());
    let mut removed = entries.filter_map(|entry| entry.removed.as_ref());
    if !removed.any(|removed| removed == anchor) {
        let number = anchor.number;
        let problem = format!(
            "the revisions up to {number} are missing, and no revision says that they were removed \
             because of their age"
        );
        faults.push(fault(None, problem));
    }
}

/// Checks that each revision follows from the previous one, and that everything it names exists.
fn check_links(chain: &StoredChain, anchor: &ChainHead, faults: &mut Vec<ChainFault>) {
    let mut previous = anchor.clone();
    for stored in &chain.entries {
        let number = stored.number;
        if number != previous.number + 1 {
            faults.push(missing_revisions(previous.number + 1, number.saturating_sub(1)));
        } else if hash_after(&previous.hash, &stored.content) != stored.hash {
            let problem = format!(
                "revision {number} does not match its hash: it{} was changed after it was recorded",
                // The hash of the first revision depends on nothing else.
                if previous.number == 0 { "" } else { ", or the hash before it," }
            );
            faults.push(fault(Some(number), problem));
        }
        check_content(chain, stored, faults);
        previous = ChainHead { number, hash: stored.hash.clone() };
    }
}

fn missing_revisions(first: u64, last: u64) -> ChainFault {
    let problem = if first >= last {
        format!("revision {first} is missing")
    } else {
        format!("the revisions {first} to {last} are missing")
    };
    fault(Some(first), problem)
}

/// Checks that the policy and the change that a revision names are unchanged.
fn check_content(chain: &StoredChain, stored: &StoredEntry, faults: &mut Vec<ChainFault>) {
    let number = stored.number;
    let Some(entry) = &stored.entry else {
        faults.push(fault(Some(number), format!("revision {number} cannot be read")));
        return;
    };
    if let Some(in_force) = &entry.in_force {
        let digest = &in_force.policy;
        let problem = match chain.policies.get(digest) {
            Some(text) if PolicyText::digest_of(text) == *digest => None,
            Some(_) => Some("was changed after it was recorded"),
            None => Some("is missing"),
        };
        if let Some(problem) = problem {
            let problem = format!("the policy {digest} of revision {number} {problem}");
            faults.push(fault(Some(number), problem));
        }
    }
    if let Some(change) = &entry.change {
        let actor = &entry.actor;
        let problem = match chain.changes.get(&change.number) {
            Some(stored) if stored.digest == change.digest => return,
            Some(StoredChange { change, .. }) => format!(
                "change {} by {actor}, of revision {number}, was changed after it was recorded",
                change.id
            ),
            // Its id is missing with it.
            None => format!("the change by {actor}, of revision {number}, is missing"),
        };
        faults.push(fault(Some(number), problem));
    }
}

/// Checks that the last revision is the one that was written last.
fn check_end(
    chain: &StoredChain,
    anchor: &ChainHead,
    head: &ChainHead,
    faults: &mut Vec<ChainFault>,
) {
    let (number, hash) = match chain.entries.last() {
        Some(last) => (last.number, &last.hash),
        None => (anchor.number, &anchor.hash),
    };
    if number < head.number {
        faults.push(missing_revisions(number + 1, head.number));
    } else if number > head.number {
        let problem = format!("revision {number} was inserted: the gateway wrote {}", head.number);
        faults.push(fault(Some(number), problem));
    } else if *hash != head.hash {
        let problem = format!("the hash of revision {number} is not the one that was written last");
        faults.push(fault(Some(number), problem));
    }
}

/// Checks that every change of the overrides has a revision.
fn check_changes(chain: &StoredChain, faults: &mut Vec<ChainFault>) {
    let entries = chain.entries.iter().filter_map(|stored| stored.entry.as_ref());
    let mut covered_from = None;
    let mut linked = BTreeSet::new();
    for entry in entries {
        if let Some(in_force) = &entry.in_force {
            covered_from = covered_from.or(Some(in_force.latest_change));
        }
        linked.extend(entry.change.as_ref().map(|change| change.number));
    }
    let Some(covered_from) = covered_from else { return };
    for (number, StoredChange { change, actor, .. }) in &chain.changes {
        if *number > covered_from && !linked.contains(number) {
            let problem = format!("change {} by {actor} is in no policy revision", change.id);
            faults.push(fault(None, problem));
        }
    }
}
