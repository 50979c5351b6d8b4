//! The policy revisions of a period, and the policies that they name.

use upshift_record::evidence::PolicyRevisionRecord;
use upshift_record::policy::PolicyRecord;

use super::period::Period;
use crate::ledger::{LedgerEntry, StoredChain, StoredEntry};

/// The policies and revisions of the period, including the revision in force when it began.
pub(super) fn revision_records(
    chain: &StoredChain,
    period: &Period,
) -> (Vec<PolicyRecord>, Vec<PolicyRevisionRecord>) {
    let (mut digests, mut revisions): (Vec<&str>, Vec<PolicyRevisionRecord>) =
        (Vec::new(), Vec::new());
    for (index, stored) in chain.entries.iter().enumerate().skip(first_index(chain, period)) {
        let Some(entry) = &stored.entry else { continue };
        if entry.at >= period.to {
            continue;
        }
        let previous = match index.checked_sub(1).and_then(|before| chain.entries.get(before)) {
            Some(before) => before.hash.clone(),
            None => chain.ends.as_ref().map(|(anchor, _)| anchor.hash.clone()).unwrap_or_default(),
        };
        if let Some(in_force) = &entry.in_force
            && !digests.contains(&in_force.policy.as_str())
        {
            digests.push(&in_force.policy);
        }
        let change = chain.change_of(entry).cloned();
        revisions.push(PolicyRevisionRecord { change, ..revision_record(stored, entry, previous) });
    }
    let mut policies: Vec<PolicyRecord> = Vec::new();
    for digest in digests {
        if let Some(text) = chain.policies.get(digest) {
            policies.extend(serde_json::from_str::<PolicyRecord>(text).ok());
        }
    }
    (policies, revisions)
}

/// The index of the last revision before the period that changed what was in force; 0 if there is
/// none.
fn first_index(chain: &StoredChain, period: &Period) -> usize {
    let mut first = 0;
    for (index, stored) in chain.entries.iter().enumerate() {
        let Some(entry) = &stored.entry else { continue };
        if entry.at > period.from {
            break;
        }
        if entry.in_force.is_some() {
            first = index;
        }
    }
    first
}

fn revision_record(
    stored: &StoredEntry,
    entry: &LedgerEntry,
    previous_hash: String,
) -> PolicyRevisionRecord {
    let in_force = entry.in_force.as_ref();
    PolicyRevisionRecord {
        revision: stored.number,
        at: entry.at.to_string(),
        cause: entry.cause.as_str().to_owned(),
        actor: entry.actor.clone(),
        reason: entry.reason.clone(),
        file: entry.file.clone(),
        change: None,
        policy: in_force.map(|in_force| in_force.policy.clone()),
        effective: in_force.map(|in_force| in_force.effective.clone()),
        rules: in_force.map(|in_force| in_force.rules.clone()).unwrap_or_default(),
        previous_hash,
        hash: stored.hash.clone(),
    }
}
