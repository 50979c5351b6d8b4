//! The counts that one request adds to a core's tally, for the breaker and for reports.

use upshift_adoption::{CallerTally, CountedCaller, Fingerprint, IdentityKey, Network, breaker};
use upshift_core::policy::{Counted, Rule};
use upshift_core::{Decision, Facts, Ruling, Timestamp, Verdict, VerdictReason};

/// The factor by which more callers per network are kept for a breaker that counts accepted
/// callers: which of them were accepted is known only after the tallies are merged.
const UNFILTERED_FACTOR: u32 = 100;

/// Counts the rulings of the rules that matched a request.
pub(crate) fn count_decision(
    tally: &mut CallerTally,
    key: &IdentityKey,
    decision: &Decision<'_>,
    facts: &Facts<'_>,
    now: Timestamp,
) {
    for ruling in decision.matched() {
        count_ruling(tally, key, ruling, facts, now);
    }
}

/// Counts a caller that an upstream answered with a 2xx, for the rules whose breaker counts only
/// such callers.
pub(crate) fn count_accepted(
    tally: &mut CallerTally,
    key: &IdentityKey,
    decision: &Decision<'_>,
    facts: &Facts<'_>,
) {
    for ruling in decision.matched() {
        let rule = ruling.rule;
        if let Some(breaker) = rule.breaker
            && breaker.counts == Counted::Accepted
            && let Some(caller) = breaker_caller(rule, key, facts)
        {
            tally.record_accepted(&rule.id, caller);
        }
    }
}

/// The fingerprint of the caller, as reports of the breaker of the rule that decided show it.
pub(crate) fn caller_fingerprint(
    key: &IdentityKey,
    decision: &Decision<'_>,
    facts: &Facts<'_>,
) -> Option<Fingerprint> {
    let ruling = decision.top()?;
    breaker_caller(ruling.rule, key, facts).map(|caller| caller.identity)
}

fn count_ruling(
    tally: &mut CallerTally,
    key: &IdentityKey,
    ruling: &Ruling<'_>,
    facts: &Facts<'_>,
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
    if let (Some(caller), Some(breaker)) = (breaker_caller(rule, key, facts), rule.breaker) {
        let per_network = match breaker.counts {
            Counted::Accepted => breaker.per_network.saturating_mul(UNFILTERED_FACTOR),
            _ => breaker.per_network,
        };
        tally.record_request(&rule.id, caller, ruling.verdict == Verdict::Refuse, per_network);
    }
}

/// The caller as the rule's breaker counts it: by identity, or by address if it has none.
fn breaker_caller(rule: &Rule, key: &IdentityKey, facts: &Facts<'_>) -> Option<CountedCaller> {
    let identity = match (rule.identity(facts), facts.client_ip) {
        (Some(identity), _) => identity,
        // An IPv4-mapped address is the same client as the IPv4 address.
        (None, Some(client_ip)) => client_ip.to_canonical().to_string(),
        (None, None) => return None,
    };
    Some(CountedCaller {
        identity: key.fingerprint(identity.as_bytes()),
        network: Network::of_address(facts.client_ip),
    })
}
