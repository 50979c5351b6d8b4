//! A rollout of six months in simulated time, with old and new callers: every edge, and every hour
//! between the edges.
#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use jiff::{SignedDuration, Timestamp, Unit};
use proptest::prelude::*;
use upshift_core::field::FieldName;
use upshift_core::policy::{
    ApiReader, ApiRequirement, IdentityReader, PolicySpec, RampPlan, Requirement, Rollout,
    RolloutPlan, RuleSpec,
};
use upshift_core::version::VersionScheme;
use upshift_core::{Facts, HttpVersion, Known, Phase, Policy, TlsState, Verdict, VerdictReason};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn rollout() -> Rollout {
    Rollout::new(RolloutPlan {
        observe: Some(at("2028-01-01T00:00:00Z")),
        warn: Some(at("2028-02-01T00:00:00Z")),
        brownout: vec![
            // One over the leap day, and one that ends when the next begins.
            (at("2028-02-28T23:55:00Z"), at("2028-03-01T00:05:00Z")),
            (at("2028-04-04T09:00:00Z"), at("2028-04-04T10:00:00Z")),
            (at("2028-04-04T10:00:00Z"), at("2028-04-04T14:00:00Z")),
        ],
        ramp: Some(RampPlan::Linear(at("2028-06-01T00:00:00Z"))),
        enforce: Some(at("2028-07-01T00:00:00Z")),
    })
    .unwrap()
}

fn policy() -> Policy {
    let scheme = VersionScheme::Semver;
    let api = ApiRequirement {
        minimum: scheme.parse("2.0").unwrap(),
        supported: Vec::new(),
        assume: None,
        scheme,
        read: vec![ApiReader::Header(FieldName::parse("X-Api-Version").unwrap())],
    };
    let mut rule = RuleSpec::new("orders-v2", vec![Requirement::Api(api)]);
    rule.identity = vec![IdentityReader::Header(FieldName::parse("X-Api-Key").unwrap())];
    rule.rollout = Some(rollout());
    Policy::new(PolicySpec { rules: vec![rule], ..PolicySpec::default() }).unwrap()
}

/// The verdict for a caller of this API version, with this key if it has one.
fn verdict(
    policy: &Policy,
    version: &str,
    key: Option<&str>,
    now: Timestamp,
) -> (Verdict, VerdictReason) {
    let mut fields = vec![("x-api-version", version)];
    fields.extend(key.map(|key| ("x-api-key", key)));
    let facts = Facts {
        method: "GET",
        host: "api.example.com",
        path: "/api/orders",
        query: None,
        hop: HttpVersion::V1_1,
        http: Known::Is(HttpVersion::V1_1),
        tls: Known::Is(TlsState::Cleartext),
        client_ip: None,
        fields: &fields,
        has_content: false,
        protocol: None,
    };
    let decision = policy.decide(&facts, now);
    let top = decision.top().unwrap();
    (decision.verdict, top.reason)
}

/// The phase that the dates mean, computed in another way: by testing each interval.
fn expected(now: Timestamp) -> Phase {
    let within = |from: &str, to: &str| at(from) <= now && now < at(to);
    match () {
        () if now < at("2028-01-01T00:00:00Z") => Phase::Off,
        () if now < at("2028-02-01T00:00:00Z") => Phase::Observe,
        () if within("2028-02-28T23:55:00Z", "2028-03-01T00:05:00Z") => Phase::Brownout,
        () if within("2028-04-04T09:00:00Z", "2028-04-04T14:00:00Z") => Phase::Brownout,
        () if now < at("2028-06-01T00:00:00Z") => Phase::Warn,
        () if now < at("2028-07-01T00:00:00Z") => Phase::Ramp,
        () => Phase::Enforce,
    }
}

/// Every hour of seven months, and each second of two minutes around every edge.
fn moments() -> Vec<Timestamp> {
    let hour = SignedDuration::from_hours(1);
    let mut moments: Vec<_> =
        std::iter::successors(Some(at("2027-12-31T00:00:00Z")), |now| now.checked_add(hour).ok())
            .take(24 * 213)
            .collect();
    for stage in rollout().stages() {
        moments.extend(
            (-60..=60)
                .map(|second| stage.from.checked_add(SignedDuration::from_secs(second)).unwrap()),
        );
        let nearly = SignedDuration::from_millis(-1);
        moments.push(stage.from.checked_add(nearly).unwrap());
    }
    moments.sort_unstable();
    moments
}

#[test]
fn six_months_at_every_edge() {
    let policy = policy();
    for now in moments() {
        let phase = policy.rules()[0].rollout_state(now).phase;
        assert_eq!(phase, expected(now), "{now}");
        assert_eq!(
            verdict(&policy, "2.1", Some("k"), now).0,
            Verdict::Admit,
            "a compliant caller is always admitted, {now}"
        );
        let (old, reason) = verdict(&policy, "1.9", Some("key-7"), now);
        let without = verdict(&policy, "1.9", None, now).0;
        match phase {
            Phase::Off | Phase::Observe => {
                assert_eq!((old, without), (Verdict::Admit, Verdict::Admit), "{now}");
            }
            Phase::Warn | Phase::Paused => {
                assert_eq!((old, without), (Verdict::Warn, Verdict::Warn), "{now}");
            }
            Phase::Brownout | Phase::Enforce => {
                assert_eq!(
                    (old, without, reason),
                    (Verdict::Refuse, Verdict::Refuse, VerdictReason::TooOld),
                    "{now}"
                );
            }
            Phase::Ramp => {
                assert_eq!(
                    without,
                    Verdict::Warn,
                    "a caller without an identity is never in a ramp, {now}"
                );
                assert!(
                    old == Verdict::Refuse
                        || (old, reason) == (Verdict::Warn, VerdictReason::NotInRamp),
                    "{now}"
                );
            }
        }
    }
}

#[test]
fn a_window_tells_when_it_ends_and_a_phase_when_the_next_begins() {
    let until = |now| rollout().state_at(at(now)).until;
    assert_eq!(until("2028-02-29T12:00:00Z"), Some(at("2028-03-01T00:05:00Z")));
    assert_eq!(until("2028-04-04T09:59:59Z"), Some(at("2028-04-04T10:00:00Z")));
    assert_eq!(until("2028-01-15T00:00:00Z"), Some(at("2028-02-01T00:00:00Z")));
    assert_eq!(until("2028-08-01T00:00:00Z"), None);
}

#[test]
fn a_phase_has_a_next_start_and_then_a_last_one() {
    for (now, next) in [
        ("2028-01-01T00:00:00Z", "2028-02-28T23:55:00Z"),
        ("2028-02-28T23:55:00Z", "2028-04-04T09:00:00Z"),
        ("2029-01-01T00:00:00Z", "2028-04-04T10:00:00Z"),
    ] {
        assert_eq!(rollout().next_start(Phase::Brownout, at(now)), Some(at(next)), "{now}");
        assert_eq!(rollout().next_start(Phase::Paused, at(now)), None);
    }
}

#[test]
fn the_calendar_has_no_gaps_and_is_what_happens() {
    let rollout = rollout();
    let stages = rollout.stages();
    for pair in stages.windows(2) {
        assert_eq!(pair[0].to, Some(pair[1].from));
    }
    for stage in stages {
        assert_eq!(rollout.state_at(stage.from).phase, stage.phase);
        assert_eq!(rollout.state_at(stage.from).share, stage.share);
    }
}

#[test]
fn a_clock_that_goes_back_gives_what_it_gave_then() {
    let policy = policy();
    let decide = |now: &Timestamp| {
        (0..50).map(|n| verdict(&policy, "1.0", Some(&format!("key-{n}")), *now)).collect()
    };
    let moments: Vec<_> = moments().into_iter().step_by(37).collect();
    let forwards: Vec<Vec<_>> = moments.iter().map(decide).collect();
    let mut backwards: Vec<Vec<_>> = moments.iter().rev().map(decide).collect();
    backwards.reverse();
    assert_eq!(forwards, backwards, "nothing is remembered between two decisions");
}

#[test]
fn the_length_of_a_day_does_not_matter_to_a_ramp() {
    // Midnight to midnight in a zone that loses an hour on 26 March 2028: 23 hours, and the share
    // grows evenly over them.
    let (from, to) = (at("2028-03-25T23:00:00Z"), at("2028-03-26T22:00:00Z"));
    assert_eq!(to.since((Unit::Hour, from)).unwrap().get_hours(), 23);
    let ramp = Rollout::new(RolloutPlan {
        ramp: Some(RampPlan::Linear(from)),
        enforce: Some(to),
        ..RolloutPlan::default()
    })
    .unwrap();
    let half = from.checked_add(SignedDuration::from_mins(23 * 30)).unwrap();
    assert_eq!(ramp.state_at(half).share.basis_points(), 5_000);
}

proptest! {
    /// No caller is refused while the rule observes or warns, whatever version it sends.
    #[test]
    fn nobody_is_refused_in_observe_or_warn(
        second in at("2027-12-01T00:00:00Z").as_second()..at("2028-08-01T00:00:00Z").as_second(),
        version in "\\PC{0,12}",
        key in prop::option::of("[!-~]{1,20}"),
    ) {
        let policy = policy();
        let now = Timestamp::from_second(second).unwrap();
        let (verdict, _) = verdict(&policy, &version, key.as_deref(), now);
        let gentle = matches!(expected(now), Phase::Off | Phase::Observe | Phase::Warn);
        prop_assert!(!gentle || verdict != Verdict::Refuse);
    }
}
