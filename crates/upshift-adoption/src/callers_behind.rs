//! The callers of the last minutes that a rule would refuse, so that someone can write to them
//! before it does.

use std::collections::BTreeMap;

use upshift_core::{Policy, Timestamp};
use upshift_record::canary::CallerBehind;

use crate::canary::{RecentCallers, RecordedFields};
use crate::usage::{RefusedCaller, UsageTally, refused_in_batch};
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
    // It finds refused callers in the same way as for served requests.
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
    for refused in refused_in_batch(tally.take_batch()) {
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
        path: refused.path.to_string(),
        network: refused.network.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use std::net::IpAddr;

    use upshift_core::policy::{PolicySpec, Requirement, RuleSpec};
    use upshift_core::{Facts, HttpVersion, Known, Phase, TlsState, TlsVersion};

    use super::*;

    /// Two rules in this phase: one requires TLS, and the other HTTP/2.
    fn policy(phase: Phase) -> Policy {
        let requirements = [
            ("tls", Requirement::Tls(TlsVersion::V1_2)),
            ("http", Requirement::Http(HttpVersion::V2)),
        ];
        let rules = requirements.map(|(id, requirement)| {
            let mut rule = RuleSpec::new(id, vec![requirement]);
            rule.phase = Some(phase);
            rule
        });
        Policy::new(PolicySpec { rules: rules.into(), ..PolicySpec::default() }).unwrap()
    }

    /// Callers over HTTP/1.1, of whom the first `cleartext` use no TLS, under rules that only warn.
    fn recent(key: &IdentityKey, now: Timestamp, callers: u8, cleartext: u8) -> RecentCallers {
        let policy = policy(Phase::Warn);
        let recorded = RecordedFields::of_policy(&policy);
        let mut tally = UsageTally::new(key.caller_hasher());
        let fields = vec![("user-agent", "AcmeApp/5.1")];
        for (caller, path) in (0..callers).flat_map(|caller| [(caller, "/a/17"), (caller, "/b/17")])
        {
            let tls = match caller < cleartext {
                true => TlsState::Cleartext,
                false => TlsState::Version(TlsVersion::V1_3),
            };
            let facts = Facts {
                method: "GET",
                host: "example.com",
                path,
                query: None,
                hop: HttpVersion::V1_1,
                http: Known::Is(HttpVersion::V1_1),
                tls: Known::Is(tls),
                client_ip: Some(IpAddr::from([192, 0, 2, caller])),
                fields: &fields,
                has_content: false,
                protocol: None,
            };
            let decision = policy.decide(&facts, now);
            let callers = RequestCallers::of_decision(&decision, &facts, key);
            tally.count_decision(&callers, &decision, now, &recorded);
        }
        let mut recent = RecentCallers::default();
        recent.add_requests(now.as_second(), tally.take_batch().take_noted());
        recent
    }

    #[test]
    fn callers_are_listed_once_and_for_the_rule_alone() {
        let key = IdentityKey::new([5; 32]);
        let now = Timestamp::from_second(1_796_000_400).unwrap();
        let (recent, enforcing) = (recent(&key, now, 9, 4), policy(Phase::Enforce));
        for (rule, limit, expected) in
            [("tls", 50, 4), ("http", 50, 9), ("http", 3, 3), ("x", 50, 0)]
        {
            let listed =
                list_callers_behind(&recent, (&enforcing, rule), &key, now, limit, || true);
            assert_eq!(listed.len(), expected, "{rule}: {listed:?}");
            for caller in listed {
                assert_eq!(
                    (caller.client.as_str(), caller.network.as_str()),
                    ("AcmeApp/5", "192.0.2.0/24")
                );
                assert!(caller.path == "/a/*" || caller.path == "/b/*", "{caller:?}");
            }
        }
        let warning = policy(Phase::Warn);
        assert!(list_callers_behind(&recent, (&warning, "tls"), &key, now, 50, || true).is_empty());
    }
}
