//! The requirement of a client that is new enough.

use std::cmp::Ordering;

use super::outcome::{Observed, ObservedValues};
use crate::facts::Facts;
use crate::policy::requirement::{ClientRequirement, RequirementKind};
use crate::policy::user_agent::ClientClaim;
use crate::verdict::VerdictReason;
use crate::version::ClientVersion;

/// The first reader that yields a client counts.
pub(super) fn evaluate_client<'p>(
    wanted: &'p ClientRequirement,
    readers: &'p [Box<str>],
    facts: &Facts<'_>,
    observed: &mut ObservedValues<'p>,
) -> VerdictReason {
    for (reader, text) in wanted.read.iter().zip(readers) {
        let Some(claim) = reader.claim(facts, &|name| wanted.knows(name)) else { continue };
        // Noted before the checks, so that every refusal below can show it.
        let value = claim.to_text();
        observed.push(Observed::new(RequirementKind::Client, value, text));
        // Of two lines that differ, the upstream may read the other one.
        if facts.fields.is_contradictory(reader.field()) {
            return VerdictReason::Ambiguous;
        }
        if !claim.is_client || !wanted.knows(&claim.name) {
            return VerdictReason::UnknownClient;
        }
        return claim_reason(wanted, &claim);
    }
    VerdictReason::Missing
}

/// The result for a client that the rule knows.
fn claim_reason(wanted: &ClientRequirement, claim: &ClientClaim<'_>) -> VerdictReason {
    let Some(version) = ClientVersion::parse_lenient(&claim.version) else {
        return VerdictReason::Malformed;
    };
    let mut is_incomparable = false;
    for (name, blocked) in &wanted.blocked {
        if name.eq_ignore_ascii_case(&claim.name) {
            match version.compare_with(blocked) {
                Some(Ordering::Equal) => return VerdictReason::Blocked,
                Some(_) => {}
                // Not decided yet: the version may be below the minimum, which is certain.
                None => is_incomparable = true,
            }
        }
    }
    if let Some((_, minimum)) = wanted.minimum_of(&claim.name) {
        match version.compare_with(minimum) {
            Some(Ordering::Less) => return VerdictReason::TooOld,
            Some(_) => {}
            None => return VerdictReason::Malformed,
        }
    }
    // It may be the blocked build: whether it is cannot be told from what was sent.
    if is_incomparable { VerdictReason::Malformed } else { VerdictReason::Meets }
}
