//! The counts that one request adds to a core's tally, for the breaker and for reports.

use upshift_adoption::{CallerTally, IdentityKey, RequestCallers, breaker};
use upshift_core::policy::Counted;
use upshift_core::{Decision, Facts, Ruling, Timestamp, Verdict, VerdictReason};

/// The factor by which more callers per network are kept for a breaker that counts accepted
/// callers: which of them were accepted is known only after the tallies are merged.
const UNFILTERED_FACTOR: u32 = 100;

/// Counts the rulings of the rules that matched a request.
pub(crate) fn count_decision(
    tally: &mut CallerTally,
    callers: &RequestCallers<'_>,
    decision: &Decision<'_>,
    now: Timestamp,
) {
    for ruling in decision.matched() {
        count_ruling(tally, callers, ruling, now);
    }
}

/// Counts a caller that an upstream answered with a 2xx, for the rules whose breaker counts only
/// such callers.
pub(crate) fn count_accepted(
    tally: &mut CallerTally,
    decision: &Decision<'_>,
    facts: &Facts<'_>,
    key: &IdentityKey,
) {
    for ruling in decision.matched() {
        let rule = ruling.rule;
        if let Some(breaker) = rule.breaker
            && breaker.counts == Counted::Accepted
            && let Some(caller) =
                RequestCallers::of_decision(decision, facts, key).counted_caller(rule)
        {
            tally.record_accepted(&rule.id, caller);
        }
    }
}

fn count_ruling(
    tally: &mut CallerTally,
    callers: &RequestCallers<'_>,
    ruling: &Ruling<'_>,
    now: Timestamp,
) {
    let rule = ruling.rule;
    if ruling.reason == VerdictReason::Meets && !ruling.kind.is_transport() {
        tally.record_compliant(&rule.id);
    }
    if ruling.without_identity {
        tally.record_unnamed(&rule.id);
    }
    if !breaker::is_counted(rule, now) {
        return;
    }
    if let (Some(caller), Some(breaker)) = (callers.counted_caller(rule), rule.breaker) {
        let per_network = match breaker.counts {
            Counted::Accepted => breaker.per_network.saturating_mul(UNFILTERED_FACTOR),
            _ => breaker.per_network,
        };
        tally.record_request(&rule.id, caller, ruling.verdict == Verdict::Refuse, per_network);
    }
}
