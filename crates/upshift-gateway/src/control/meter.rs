//! One request's part of what the breaker counts.

use upshift_adoption::{Key, Tally, breaker};
use upshift_core::{Decision, Facts, Reason, Ruling, Timestamp, Verdict};

/// Counts what a decision says of rules with a rollout. Rules without one cost nothing here.
pub(crate) fn count(tally: &mut Tally, key: &Key, decision: &Decision<'_>, facts: &Facts<'_>, now: Timestamp) {
    for ruling in decision.matched().filter(|ruling| ruling.rule.rollout.is_some()) {
        count_ruling(tally, key, ruling, facts, now);
    }
}

fn count_ruling(tally: &mut Tally, key: &Key, ruling: &Ruling<'_>, facts: &Facts<'_>, now: Timestamp) {
    let rule = ruling.rule;
    if ruling.reason == Reason::Meets && !ruling.kind.is_transport() {
        tally.record_compliant(&rule.id);
    }
    if ruling.without_identity {
        tally.record_unnamed(&rule.id);
    }
    if !breaker::counts(rule, now) {
        return;
    }
    let address = || facts.peer.map(|peer| peer.to_canonical().to_string());
    if let Some(identity) = rule.identity(facts).or_else(address) {
        tally.record(&rule.id, key.fingerprint(identity.as_bytes()), ruling.verdict == Verdict::Refuse);
    }
}
