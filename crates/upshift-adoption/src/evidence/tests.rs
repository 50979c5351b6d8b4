#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use upshift_core::policy::{
    Exemption, Matcher, PathPattern, PolicySpec, Requirement, RuleSpec, Uncertain,
};
use upshift_core::{Policy, TlsVersion, VerdictReason};
use upshift_record::evidence::{ExemptionAbsence, RulePhaseRecord};

use super::*;
use crate::ledger::{
    ChainHead, LedgerEntry, PolicyInForce, PolicyText, RevisionCause, StoredChain, StoredEntry,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_793_000_000 + second).unwrap()
}

fn text(second: i64) -> String {
    at(second).to_string()
}

/// A chain that grows by one revision at a time.
struct Bench {
    chain: StoredChain,
    end: ChainHead,
    policy: PolicyText,
}

impl Bench {
    fn new(minimum: TlsVersion) -> Self {
        let end = ChainHead::before_first();
        let mut bench =
            Self { chain: StoredChain::default(), end, policy: policy_text(minimum, true) };
        bench.take_policy(policy_text(minimum, true));
        bench
    }

    fn take_policy(&mut self, policy: PolicyText) {
        self.chain.policies.insert(policy.digest.clone(), policy.json.clone());
        self.policy = policy;
    }

    fn push(&mut self, second: i64, cause: RevisionCause, phase: Option<&str>) {
        self.push_with(second, cause, phase, |_| {});
    }

    fn push_with(
        &mut self,
        second: i64,
        cause: RevisionCause,
        phase: Option<&str>,
        change: impl FnOnce(&mut LedgerEntry),
    ) {
        let mut entry = LedgerEntry::new(at(second), cause, "ada", "because");
        entry.in_force = phase.map(|phase| PolicyInForce {
            policy: self.policy.digest.clone(),
            effective: String::new(),
            latest_change: 0,
            observe: false,
            recording: true,
            complete: cause == RevisionCause::Start,
            rules: vec![RulePhaseRecord {
                rule: "tls".into(),
                phase: phase.into(),
                share: if phase == "enforce" { 10_000 } else { 0 },
                until: None,
                set_by: None,
                reason: None,
            }],
        });
        change(&mut entry);
        let content = serde_json::to_string(&entry).unwrap();
        self.end = self.end.next(&content);
        let ChainHead { number, hash } = self.end.clone();
        self.chain.entries.push(StoredEntry { number, content, hash, entry: Some(entry) });
        self.chain.ends = Some((ChainHead::before_first(), self.end.clone()));
    }

    fn report(self, (from, to): (i64, i64), running: bool, now: i64) -> EvidenceReport {
        let records = RecordedEvidence { chain: self.chain, ..RecordedEvidence::default() };
        let (from, to, now) = (Some(at(from)), at(to), at(now));
        build_evidence(EvidenceInput { now, from, to, running, records })
    }
}

/// TLS 1.2 or later, but not for `/open/**`.
fn excluding_policy() -> PolicyText {
    let mut rule = RuleSpec::new("tls", vec![Requirement::Tls(TlsVersion::V1_2)]);
    rule.matcher.paths.exclude = vec![PathPattern::parse("/open/**").unwrap()];
    let spec = PolicySpec { rules: vec![rule], ..PolicySpec::default() };
    PolicyText::of_policy(&Policy::new(spec).unwrap())
}

fn policy_text(minimum: TlsVersion, exempts: bool) -> PolicyText {
    let rule = RuleSpec::new("tls", vec![Requirement::Tls(minimum)]);
    let mut exemptions = Vec::new();
    if exempts {
        exemptions.push(Exemption {
            id: "kiosks".into(),
            rules: vec!["tls".into()],
            matcher: Matcher::default(),
            reason: "replaced in spring".into(),
            owner: "retail".into(),
            expires: at(100_000),
        });
    }
    let spec = PolicySpec { rules: vec![rule], exemptions, ..PolicySpec::default() };
    PolicyText::of_policy(&Policy::new(spec).unwrap())
}

/// The requirements of a rule, and the seconds for which it enforced each.
fn definitions(rule: &RuleEvidence) -> Vec<(&str, u64)> {
    let records = rule.definitions.iter();
    records.map(|definition| (&*definition.requirement, definition.enforced_seconds)).collect()
}

fn phases(rule: &RuleEvidence) -> Vec<(String, String, &str, &str)> {
    let mut phases = Vec::new();
    for span in &rule.phases {
        phases.push((span.from.clone(), span.to.clone(), span.phase.as_str(), span.cause.as_str()));
    }
    phases
}

#[test]
fn an_intact_history_is_told_to_the_second() {
    use RevisionCause::{Calendar, Change, Start, Stop};
    let mut bench = Bench::new(TlsVersion::V1_2);
    bench.push(0, Start, Some("warn"));
    bench.push(100, Calendar, Some("enforce"));
    bench.push(200, Change, Some("paused"));
    bench.push(260, Change, Some("enforce"));
    bench.push(400, Stop, None);
    bench.push(450, Start, Some("enforce"));
    let report = bench.report((50, 500), true, 1_000);
    assert!(report.chain.intact, "{:?}", report.chain);
    let rule = &report.rules[0];
    assert_eq!(
        phases(rule),
        [
            (text(50), text(100), "warn", "start"),
            (text(100), text(200), "enforce", "calendar"),
            (text(200), text(260), "paused", "change"),
            (text(260), text(400), "enforce", "change"),
            (text(450), text(500), "enforce", "start"),
        ]
    );
    assert_eq!(rule.phases[0].since, text(0));
    assert_eq!(rule.enforced_seconds, 100 + 140 + 50);
    // A restart is no interruption of the enforcement that is reported, but it is listed.
    assert_eq!(rule.enforced_since, Some(text(260)));
    let breaks: Vec<_> =
        rule.interruptions.iter().map(|one| (one.from.as_str(), one.kind.as_str())).collect();
    assert_eq!(breaks, [(text(200).as_str(), "paused"), (text(400).as_str(), "stopped")]);
    assert_eq!(rule.interruptions[0].actor.as_deref(), Some("ada"));
    let statement = format!(
        "TLS 1.2 or later, for all requests: enforced since {}, and in this period for 4 min 50 s; \
         interrupted 1 time, for 1 min; the gateway was stopped, or recorded nothing, for 50 s.",
        text(260)
    );
    assert_eq!(rule.statement, statement);
    assert_eq!(report.gaps.len(), 1);
    let numbers: Vec<_> = report.revisions.iter().map(|revision| revision.revision).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
}

/// A killed process records no stop, so nothing is known after its last sign of life. A start is
/// not reported as the cause of a phase that an older override set.
#[test]
fn a_trip_that_holds_after_a_restart_is_that_of_the_breaker() {
    let by_breaker = |entry: &mut LedgerEntry| {
        let state = &mut entry.in_force.as_mut().unwrap().rules[0];
        (state.set_by, state.reason) = (Some("breaker".into()), Some("12 of 40".into()));
    };
    let mut bench = Bench::new(TlsVersion::V1_2);
    bench.push(0, RevisionCause::Start, Some("enforce"));
    bench.push_with(100, RevisionCause::Trip, Some("warn"), |entry| {
        (entry.actor, entry.reason) = ("breaker".into(), "12 of 40".into());
        by_breaker(entry);
    });
    bench.push(200, RevisionCause::Stop, None);
    bench.push_with(250, RevisionCause::Start, Some("warn"), by_breaker);
    let report = bench.report((0, 300), true, 1_000);
    let spans = &report.rules[0].phases;
    let causes: Vec<&str> = spans.iter().map(|span| span.cause.as_str()).collect();
    assert_eq!(causes, ["start", "trip", "held"]);
    assert_eq!(spans[2].event_text(), "held by the breaker since its trip");
    assert_eq!(spans[2].reason_text(), Some("12 of 40"));
    assert_eq!(spans[0].event_text(), "the gateway, run by ada, started");
}

#[test]
fn the_time_after_a_kill_is_unknown() {
    use RevisionCause::Start;
    let mut bench = Bench::new(TlsVersion::V1_2);
    bench.push(0, Start, Some("enforce"));
    bench.push_with(300, Start, Some("enforce"), |entry| entry.last_seen = Some(at(120)));
    bench.chain.alive = Some(at(390).as_second());
    let report = bench.report((0, 1_000), false, 500);
    assert_eq!(report.to, text(500), "the period ends now at the latest");
    let rule = &report.rules[0];
    let gaps: Vec<_> =
        report.gaps.iter().map(|gap| (gap.from.clone(), gap.to.clone(), &*gap.kind)).collect();
    assert_eq!(
        gaps,
        [(text(120), text(300), "not-recorded"), (text(390), text(500), "not-recorded")]
    );
    assert_eq!(rule.enforced_seconds, 120 + 90);
    assert_eq!(rule.enforced_since, None, "nothing is known of its end");
    assert!(rule.statement.contains("; nothing is known of its end"), "{}", rule.statement);
}

/// Enforcement starts again when the requirement changes.
#[test]
fn a_reload_changes_what_is_enforced_and_what_is_exempt() {
    use RevisionCause::{Reload, Start};
    let mut bench = Bench::new(TlsVersion::V1_2);
    bench.push(0, Start, Some("enforce"));
    bench.take_policy(policy_text(TlsVersion::V1_3, false));
    bench.push(100, Reload, Some("enforce"));
    let report = bench.report((0, 200), true, 200);
    let rule = &report.rules[0];
    assert_eq!(rule.phases.len(), 1, "the phase is the same all the time");
    assert_eq!(rule.enforced_since, Some(text(100)));
    assert_eq!(definitions(rule), [("TLS 1.2 or later", 100), ("TLS 1.3 or later", 100)]);
    assert!(rule.interruptions.is_empty(), "a new requirement does not interrupt the one before");
    let statement = format!(
        "TLS 1.3 or later, for all requests: enforced since {}, and in this period for 1 min 40 s; \
         the rule enforced another requirement, or for other requests, for 1 min 40 s.",
        text(100)
    );
    assert_eq!(rule.statement, statement);
    let changes = &report.revisions[1].policy_changes;
    assert_eq!(
        changes[..],
        [
            "rule tls requires TLS 1.3 or later (before: TLS 1.2 or later)",
            "exemption kiosks removed"
        ]
    );
    let exemption = &report.exemptions[0];
    assert_eq!((&*exemption.exemption, &*exemption.owner), ("kiosks", "retail"));
    assert_eq!((&exemption.since, exemption.may_be_older), (&text(0), true));
    assert_eq!(exemption.ended, Some(text(100)), "the second policy does not have it");
    let builtin = report.exemptions.last().unwrap();
    assert_eq!((&*builtin.owner, &builtin.ended), ("built in", &None));
    assert_eq!(report.policies.len(), 2);
}

/// An exemption that was removed and added again did not hold all the time.
#[test]
fn an_exemption_that_comes_back_was_absent_in_between() {
    use RevisionCause::{Reload, Start};
    let mut bench = Bench::new(TlsVersion::V1_2);
    bench.push(0, Start, Some("enforce"));
    bench.take_policy(policy_text(TlsVersion::V1_2, false));
    bench.push(100, Reload, Some("enforce"));
    bench.take_policy(policy_text(TlsVersion::V1_2, true));
    bench.push(160, Reload, Some("enforce"));
    let report = bench.report((0, 200), true, 200);
    let kiosks: Vec<_> =
        report.exemptions.iter().filter(|exemption| exemption.exemption == "kiosks").collect();
    assert_eq!(kiosks.len(), 1, "its requests are counted by id, and so once");
    let absence = ExemptionAbsence { from: text(100), to: text(160) };
    assert_eq!((&kiosks[0].since, &kiosks[0].absences), (&text(0), &vec![absence]));
    assert_eq!(kiosks[0].ended, None);
}

/// The requirement is the same, and yet other requests are refused.
#[test]
fn what_a_rule_makes_of_uncertain_requests_is_part_of_its_definition() {
    use RevisionCause::{Reload, Start};
    let refusing = |reasons: &[VerdictReason]| {
        let mut rule = RuleSpec::new("tls", vec![Requirement::Tls(TlsVersion::V1_2)]);
        rule.on = Uncertain::refusing(reasons.iter().copied());
        let spec = PolicySpec { rules: vec![rule], ..PolicySpec::default() };
        PolicyText::of_policy(&Policy::new(spec).unwrap())
    };
    let mut bench = Bench::new(TlsVersion::V1_2);
    bench.take_policy(refusing(&[VerdictReason::Unknown]));
    bench.push(0, Start, Some("enforce"));
    bench.take_policy(refusing(&[]));
    bench.push(100, Reload, Some("enforce"));
    bench.take_policy(refusing(&[VerdictReason::Unknown]));
    bench.push(130, Reload, Some("enforce"));
    let report = bench.report((0, 200), true, 200);
    assert_eq!(report.rules[0].enforced_seconds, 100 + 70);
    assert_eq!(report.rules[0].interruptions.len(), 1);
    let changes = &report.revisions[1].policy_changes;
    assert_eq!(changes[..], ["rule tls refuses no uncertain requests (before: unknown)"]);
}

/// A rule that enforced TLS 1.0 for a while, or left paths out, did not enforce TLS 1.2 for all of
/// the period, although its phase was `enforce`.
#[test]
fn a_requirement_that_was_relaxed_for_a_time_was_not_enforced_then() {
    use RevisionCause::{Reload, Start, Stop};
    let strict = policy_text(TlsVersion::V1_2, false);
    let mut bench = Bench::new(TlsVersion::V1_2);
    bench.take_policy(strict.clone());
    bench.push(0, Start, Some("enforce"));
    bench.take_policy(policy_text(TlsVersion::V1_0, false));
    bench.push(100, Reload, Some("enforce"));
    bench.take_policy(strict.clone());
    bench.push(130, Reload, Some("enforce"));
    bench.take_policy(excluding_policy());
    bench.push(200, Reload, Some("enforce"));
    bench.take_policy(strict);
    bench.push(210, Reload, Some("enforce"));
    bench.push(300, Stop, None);
    let report = bench.report((0, 300), false, 300);
    let rule = &report.rules[0];
    assert_eq!(rule.enforced_seconds, 100 + 70 + 90);
    assert_eq!(rule.enforced_since, Some(text(210)));
    let breaks: Vec<_> = rule.interruptions.iter().map(|one| (&*one.from, &*one.kind)).collect();
    let other = "other-definition";
    assert_eq!(breaks, [(text(100).as_str(), other), (text(200).as_str(), other)]);
    let relaxed = rule.interruptions[0].kind_text();
    assert_eq!(relaxed, "enforced instead: TLS 1.0 or later, for all requests");
    let excluding = rule.interruptions[1].kind_text();
    assert!(excluding.ends_with(" but not paths /open/**"), "{excluding}");
    assert!(
        rule.statement.contains("; interrupted 2 times, for 40 s; the rule enforced another"),
        "{}",
        rule.statement
    );
    let seconds: Vec<u64> = rule.definitions.iter().map(|one| one.enforced_seconds).collect();
    assert_eq!(seconds, [100, 30, 70, 10, 90]);
    let changes = &report.revisions[3].policy_changes;
    assert!(changes[0].starts_with("rule tls applies to "), "{changes:?}");
}

/// A rule that was enforced until the gateway stopped is not reported as abandoned.
#[test]
fn a_stop_at_the_end_does_not_end_enforcement() {
    let mut bench = Bench::new(TlsVersion::V1_2);
    bench.push(0, RevisionCause::Start, Some("enforce"));
    bench.push(90, RevisionCause::Stop, None);
    let report = bench.report((0, 120), false, 200);
    let rule = &report.rules[0];
    assert_eq!(rule.enforced_since, Some(text(0)));
    let stop = format!("enforced since {}, until the gateway stopped at {},", text(0), text(90));
    assert!(rule.statement.contains(&stop), "{}", rule.statement);
}

#[test]
fn nothing_is_claimed_of_a_time_before_the_records() {
    let mut bench = Bench::new(TlsVersion::V1_2);
    bench.push(0, RevisionCause::Start, Some("enforce"));
    let report = bench.report((-500, -100), true, 300);
    assert_eq!(report.gaps[0].kind, "before-records");
    assert_eq!((&report.gaps[0].from, &report.gaps[0].to), (&text(-500), &text(-100)));
    assert!(report.rules.is_empty() && report.exemptions.is_empty());
    assert!(report.revisions.is_empty());
}

#[test]
fn an_open_beginning_is_the_first_record() {
    let mut bench = Bench::new(TlsVersion::V1_2);
    bench.push(0, RevisionCause::Start, Some("enforce"));
    let records = RecordedEvidence { chain: bench.chain, ..RecordedEvidence::default() };
    let (now, to) = (at(60), at(60));
    let input = EvidenceInput { now, from: None, to, running: true, records };
    let report = build_evidence(input);
    assert_eq!((report.from, report.gaps.len()), (text(0), 0));
}
