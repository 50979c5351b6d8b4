//! The callers of the last minutes that a rule would refuse, so that someone can write to them
//! before it does.

use std::collections::BTreeMap;

use upshift_core::{Policy, Timestamp};
use upshift_record::canary::CallerBehind;

use crate::canary::{RecentCallers, RecordedFields};
use crate::usage::{RefusedCaller, UsageTally};
use crate::{IdentityKey, RequestCallers};

/// Lists at most `limit` callers of the last minutes that `rule` refuses under `policy`, as long as
/// `has_time` returns true.
pub fn list_callers_behind(
    recent: &RecentCallers,
    (policy, rule): (&Policy, &str),
    key: &IdentityKey,
    now: Timestamp,
    limit: usize,
    has_time: impl Fn() -> bool,
) -> Vec<CallerBehind> {
    // It finds the refused callers as it does for requests that are served.
    let mut tally = UsageTally::new(key.caller_hasher());
    let recorded = RecordedFields::of_policy(policy);
    for (_, request) in recent.requests_at(now.as_second()) {
        if !has_time() {
            break;
        }
        let facts = request.facts();
        let decision = policy.decide(&facts, now);
        let callers = RequestCallers::of_decision(&decision, &facts, key);
        tally.count_decision(&callers, &decision, now, &recorded);
    }
    // A caller that sends requests of several kinds is refused once for each.
    let mut listed = BTreeMap::new();
    for refused in tally.take_batch().into_refused() {
        if *refused.rule == *rule {
            listed.entry(refused.caller).or_insert_with(|| caller_behind(&refused));
        }
    }
    let mut callers: Vec<_> = listed.into_values().collect();
    callers.sort_by(|a, b| (&a.version, &a.client).cmp(&(&b.version, &b.client)));
    callers.truncate(limit);
    callers
}

fn caller_behind(refused: &RefusedCaller) -> CallerBehind {
    CallerBehind {
        caller: refused.caller.to_string(),
        version: refused.version.to_string(),
        client: refused.client.to_string(),
        path: refused.path.clone(),
        network: refused.network.to_string(),
    }
}
