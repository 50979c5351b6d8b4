//! The rulings that a rule can give in its present phase: their series are there before the first
//! event, so that `increase()` sees it.

use std::collections::BTreeSet;

use upshift_adoption::usage::Standing;
use upshift_core::policy::{PhaseEffect, Requirement, Rule};
use upshift_core::{Phase, Verdict, VerdictReason};

/// The number of rules up to which these series exist. A rule has at most 22 of them, if it
/// requires one of a list of all kinds and is in a ramp; most have fewer than a dozen.
pub(crate) const MOST_RULES_WITH_REASONS: usize = 100;

/// A verdict, its reason, and the standing of the request.
type PossibleRuling = (Verdict, VerdictReason, Standing);

/// The verdicts of the rule in `phase`, with their reasons and standings.
pub(crate) fn possible_rulings(rule: &Rule, phase: Phase) -> BTreeSet<PossibleRuling> {
    let mut possible = BTreeSet::new();
    for requirement in &rule.require {
        for reason in reasons_of(requirement) {
            add_verdicts(rule, phase, *reason, &mut possible);
        }
    }
    possible
}

/// The reasons that a requirement can give.
fn reasons_of(requirement: &Requirement) -> &'static [VerdictReason] {
    use VerdictReason as Reason;
    match requirement {
        Requirement::Tls(_) | Requirement::Http(_) => {
            &[Reason::Meets, Reason::Unmet, Reason::Unknown]
        }
        Requirement::WebSocket(websocket) if !websocket.subprotocols.is_empty() => {
            &[Reason::Meets, Reason::Unmet, Reason::Subprotocol]
        }
        Requirement::WebSocket(_) | Requirement::NoWebSocket | Requirement::Protocol(_) => {
            &[Reason::Meets, Reason::Unmet]
        }
        Requirement::Api(_) => &[
            Reason::Meets,
            Reason::TooOld,
            Reason::Missing,
            Reason::Malformed,
            Reason::Ambiguous,
            Reason::TooNew,
        ],
        Requirement::Client(_) => &[
            Reason::Meets,
            Reason::TooOld,
            Reason::Blocked,
            Reason::Missing,
            Reason::Malformed,
            Reason::Ambiguous,
            Reason::UnknownClient,
        ],
    }
}

fn add_verdicts(
    rule: &Rule,
    phase: Phase,
    reason: VerdictReason,
    possible: &mut BTreeSet<PossibleRuling>,
) {
    if !reason.is_certain() && !rule.on.refuses(reason) {
        let standing = match reason {
            VerdictReason::Meets => Standing::Meets,
            _ => Standing::Uncertain,
        };
        possible.insert((Verdict::Admit, reason, standing));
        return;
    }
    let verdict = match phase.effect() {
        // It counts nothing.
        PhaseEffect::Ignore => return,
        PhaseEffect::Count => Verdict::Admit,
        PhaseEffect::Warn => Verdict::Warn,
        PhaseEffect::RefuseShare => {
            possible.insert((Verdict::Warn, VerdictReason::NotInRamp, Standing::Behind));
            Verdict::Refuse
        }
        PhaseEffect::Refuse => Verdict::Refuse,
    };
    possible.insert((verdict, reason, Standing::Behind));
    possible.insert((Verdict::Exempt, reason, Standing::Behind));
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use upshift_core::{
        Facts, Fields, HttpVersion, Known, Policy, Timestamp, TlsState, TlsVersion,
    };

    use super::*;
    use crate::telemetry::counts::CoreCounts;

    const RULES: &str = r#"
[[rule]]
id = "tls"
require = { tls = "1.2" }
[[rule]]
id = "http"
require = { http = "1.1" }
phase = "observe"
[[rule]]
id = "websocket"
require = { websocket = { version = 13, subprotocols = ["chat"] } }
phase = "warn"
[[rule]]
id = "no-websocket"
require = { websocket = false }
[[rule]]
id = "protocol"
require = { protocol = "derp/2" }
[[rule]]
id = "api"
require = { api = { minimum = "2.0", supported = ["2.0"], read = ["header:X-Version", "query:v"] } }
on = { missing = "refuse" }
[[rule]]
id = "ramped"
require = { api = { minimum = "2.0", assume = "1.0", read = ["header:X-Version"] } }
rollout = { identity = ["peer"], ramp = [{ at = 2020-01-01, share = 0.3 }], enforce = 2099-01-01 }
[[rule]]
id = "client"
require = { client = { minimum = { App = "5" }, blocked = ["App/6.1"] } }
[[rule]]
id = "any"
require = [{ http = "3" }, { client = { minimum = { App = "5" } } }]
"#;

    /// The rulings that are counted for a request with these fields, over these versions and from
    /// this address.
    fn decide(
        policy: &Policy,
        fields: &dyn Fields,
        (http, tls): (Known<HttpVersion>, Known<TlsState>),
        (query, last): (Option<&str>, u8),
    ) -> Vec<(String, PossibleRuling)> {
        let facts = Facts {
            method: "GET",
            host: "a.example",
            path: if last.is_multiple_of(5) { "/healthz" } else { "/" },
            query,
            client_ip: Some([192, 0, 2, last].into()),
            fields,
            http,
            hop: HttpVersion::V1_1,
            tls,
            has_content: false,
            protocol: None,
        };
        let mut counts = CoreCounts::default();
        counts.count_decision(&policy.decide(&facts, Timestamp::now()), &facts);
        let mut counted = Vec::new();
        for (rule, rulings) in &counts.rulings {
            for (verdict, reason, _, standing) in rulings.keys().copied() {
                counted.push((rule.to_string(), (verdict, reason, standing)));
            }
        }
        counted
    }

    #[test]
    fn every_decision_has_a_series_that_was_there_before() {
        let text = format!(
            "[gateway]\nhttp = \"127.0.0.1:0\"\nupstream = \"http://127.0.0.1:9\"\n{RULES}"
        );
        let policy = upshift_config::load(&text, "rules.toml").unwrap().file.policy;
        let mut seen = BTreeSet::new();
        let upgrade = [("upgrade", "websocket"), ("sec-websocket-version", "13")];
        let mut all_fields: Vec<Vec<(&str, &str)>> = vec![
            Vec::new(),
            upgrade.to_vec(),
            vec![upgrade[0], upgrade[1], ("sec-websocket-protocol", "chat")],
            vec![("upgrade", "derp/2")],
        ];
        for version in ["1.0", "2.0", "3.0", "x", ""] {
            all_fields.push(vec![("x-version", version)]);
        }
        for agent in ["App/4", "App/5", "App/6.1", "App/x", "Other/1", "curl/8", ""] {
            all_fields.push(vec![("user-agent", agent)]);
        }
        let tls = [TlsState::Cleartext, TlsState::Version(TlsVersion::V1_3)].map(Known::Is);
        for fields in &all_fields {
            for tls in tls.into_iter().chain([Known::Unknown]) {
                for http in
                    [Known::Is(HttpVersion::V1_0), Known::Is(HttpVersion::V3), Known::Unknown]
                {
                    for last in 0..10_u8 {
                        let query = last.is_multiple_of(3).then_some("v=1.9");
                        seen.extend(decide(&policy, fields, (http, tls), (query, last)));
                    }
                }
            }
        }
        assert!(seen.len() > 30, "{seen:?}");
        let not_in_ramp = (Verdict::Warn, VerdictReason::NotInRamp, Standing::Behind);
        assert!(seen.contains(&("ramped".to_owned(), not_in_ramp)), "{seen:?}");
        for (rule, ruling) in seen {
            let rule = policy.rule(&rule).unwrap();
            let phase = rule.rollout_state(Timestamp::now()).phase;
            let possible = possible_rulings(rule, phase);
            assert!(possible.contains(&ruling), "{}: {ruling:?}", rule.id);
            assert!(possible.len() <= 12, "{}: {possible:?}", rule.id);
        }
    }
}
