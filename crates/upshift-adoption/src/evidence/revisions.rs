//! The policy revisions of a period, and the policies that they name.

use upshift_record::evidence::PolicyRevisionRecord;
use upshift_record::policy::PolicyRecord;

use super::period::Period;
use super::policy_changes::list_policy_changes;
use super::timeline::Timeline;
use crate::ledger::{LedgerEntry, StoredChain, StoredEntry};

/// The policies and revisions of the period, including the revision in force when it began.
pub(super) fn revision_records(
    chain: &StoredChain,
    timeline: &Timeline,
    period: &Period,
) -> (Vec<PolicyRecord>, Vec<PolicyRevisionRecord>) {
    let (mut digests, mut revisions): (Vec<&str>, Vec<PolicyRevisionRecord>) =
        (Vec::new(), Vec::new());
    for (index, stored) in chain.entries.iter().enumerate().skip(first_index(chain, period)) {
        let Some(entry) = &stored.entry else { continue };
        if entry.at >= period.to {
            continue;
        }
        let earlier = chain.entries.get(..index).unwrap_or_default();
        let previous = match earlier.last() {
            Some(before) => before.hash.clone(),
            None => chain.ends.as_ref().map(|(anchor, _)| anchor.hash.clone()).unwrap_or_default(),
        };
        if let Some(in_force) = &entry.in_force
            && !digests.contains(&in_force.policy.as_str())
        {
            digests.push(&in_force.policy);
        }
        let mut record = revision_record(stored, entry, previous);
        record.change = chain.change_of(entry).cloned();
        record.policy_changes = changes_since(earlier, entry, timeline);
        revisions.push(record);
    }
    let policies = digests.iter().filter_map(|digest| timeline.texts.get(*digest));
    (policies.cloned().collect(), revisions)
}

/// The differences between the policy of a revision and the one that was in force before it.
fn changes_since(earlier: &[StoredEntry], entry: &LedgerEntry, timeline: &Timeline) -> Vec<String> {
    let Some(before) = earlier.iter().rev().find_map(policy_digest) else { return Vec::new() };
    let Some(after) = &entry.in_force else { return Vec::new() };
    match (timeline.texts.get(before), timeline.texts.get(&after.policy)) {
        (Some(before), Some(after)) => list_policy_changes(before, after),
        _ => Vec::new(),
    }
}

/// The digest of the policy that a revision puts in force.
fn policy_digest(stored: &StoredEntry) -> Option<&str> {
    let in_force = stored.entry.as_ref()?.in_force.as_ref()?;
    Some(&in_force.policy)
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
        policy_changes: Vec::new(),
        rules: in_force.map(|in_force| in_force.rules.clone()).unwrap_or_default(),
        previous_hash,
        hash: stored.hash.clone(),
    }
}
