//! One request's part of what the breaker counts.

use upshift_adoption::{Caller, Key, Network, Tally, breaker};
use upshift_core::policy::{Counted, Rule};
use upshift_core::{Decision, Facts, Ruling, Timestamp, Verdict, VerdictReason};

/// Counts what a decision says of the rules that matched.
pub(crate) fn count(
    tally: &mut Tally,
    key: &Key,
    decision: &Decision<'_>,
    facts: &Facts<'_>,
    now: Timestamp,
) {
    for ruling in decision.matched() {
        count_ruling(tally, key, ruling, facts, now);
    }
}

fn count_ruling(
    tally: &mut Tally,
    key: &Key,
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
    if !breaker::counts(rule, now) {
        return;
    }
    if let (Some(caller), Some(breaker)) = (caller(rule, key, facts), rule.breaker) {
        // Which of them were accepted before is known only after the merge: room for more than
        // count.
        let factor = if breaker.counts == Counted::Accepted { UNFILTERED } else { 1 };
        let per_network = breaker.per_network.saturating_mul(factor);
        tally.record(&rule.id, caller, ruling.verdict == Verdict::Refuse, per_network);
    }
}

/// As many times the callers that count of a network are kept until the accepted ones are picked
/// out.
const UNFILTERED: u32 = 100;

/// Notes who was answered with 2xx by an upstream, for the rules whose breaker counts only those.
pub(crate) fn count_accepted(
    tally: &mut Tally,
    key: &Key,
    decision: &Decision<'_>,
    facts: &Facts<'_>,
) {
    for ruling in decision.matched() {
        let rule = ruling.rule;
        let wanted = rule.breaker.is_some_and(|breaker| breaker.counts == Counted::Accepted);
        if wanted && let Some(caller) = caller(rule, key, facts) {
            tally.record_accepted(&rule.id, caller);
        }
    }
}

/// The caller as the rule's breaker counts it: by identity, or else by address.
fn caller(rule: &Rule, key: &Key, facts: &Facts<'_>) -> Option<Caller> {
    let address = || facts.client_ip.map(|peer| peer.to_canonical().to_string());
    let identity = rule.identity(facts).or_else(address)?;
    Some(Caller {
        identity: key.fingerprint(identity.as_bytes()),
        network: Network::of(facts.client_ip),
    })
}
