//! Tests of the ramp against the published vectors, and of its properties over many identities.
#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use proptest::prelude::*;
use serde::Deserialize;
use upshift_core::Timestamp;
use upshift_core::policy::{RampPlan, RefusedShare, Rollout, RolloutPlan, bucket};

#[derive(Deserialize)]
struct Vectors<T> {
    #[serde(alias = "bucket", alias = "share")]
    cases: Vec<T>,
}

#[derive(Deserialize)]
struct BucketCase {
    rule: String,
    identity: String,
    bucket: u16,
}

#[derive(Deserialize)]
struct ShareCase {
    title: String,
    from: toml::value::Datetime,
    to: toml::value::Datetime,
    now: toml::value::Datetime,
    share: u16,
}

fn at(moment: &toml::value::Datetime) -> Timestamp {
    moment.to_string().parse().unwrap()
}

fn linear(from: Timestamp, to: Timestamp) -> Rollout {
    Rollout::new(RolloutPlan {
        ramp: Some(RampPlan::Linear(from)),
        enforce: Some(to),
        ..RolloutPlan::default()
    })
    .unwrap()
}

#[test]
fn buckets_are_the_published_ones() {
    let vectors: Vectors<BucketCase> =
        toml::from_str(include_str!("../../../conformance/ramp/buckets.toml")).unwrap();
    assert!(vectors.cases.len() >= 58);
    for case in vectors.cases {
        assert_eq!(
            bucket(&case.rule, &case.identity),
            case.bucket,
            "{} {:?}",
            case.rule,
            case.identity
        );
    }
}

#[test]
fn shares_are_the_published_ones() {
    let vectors: Vectors<ShareCase> =
        toml::from_str(include_str!("../../../conformance/ramp/shares.toml")).unwrap();
    for case in vectors.cases {
        let moment = linear(at(&case.from), at(&case.to)).state_at(at(&case.now));
        assert_eq!(moment.share.basis_points(), case.share, "{}", case.title);
    }
}

#[test]
fn the_share_realised_is_within_one_percent_of_the_share_asked_at_100_000_identities() {
    for rule in ["orders-v2", "old-apps"] {
        let buckets: Vec<u16> = (0..100_000).map(|n| bucket(rule, &format!("key-{n}"))).collect();
        for asked in (0..=10_000).step_by(250) {
            let share = RefusedShare::from_basis_points(asked);
            let refused = buckets.iter().filter(|bucket| share.contains(**bucket)).count();
            let realised = refused as f64 / 100_000.0;
            assert!(
                (realised - share.fraction()).abs() < 0.01,
                "{rule}: asked {}, got {realised}",
                share.fraction()
            );
        }
    }
}

#[test]
fn the_same_callers_are_not_first_under_every_rule() {
    let first = |rule: &'static str| move |n: &u32| bucket(rule, &format!("key-{n}")) < 1_000;
    let both = (0..100_000).filter(first("orders-v2")).filter(first("old-apps")).count();
    assert!((800..1_200).contains(&both), "10 % of 10 % are expected in both, not {both}");
}

proptest! {
    /// A refused caller stays refused, for any dates and steps of the ramp.
    #[test]
    fn a_ramp_is_monotonic(
        steps in prop::collection::btree_map(1_i64..1_000_000, 0_u64..=10_000, 1..8),
        end in prop::option::of(1_000_000_i64..2_000_000),
        seconds in prop::collection::vec(0_i64..2_100_000, 2..40),
        identity in "\\PC{1,30}",
    ) {
        let mut shares: Vec<u64> = steps.values().copied().collect();
        shares.sort_unstable();
        let second = |second| Timestamp::from_second(second).unwrap();
        let steps: Vec<_> = steps.keys().zip(shares).map(|(at, s)| (second(*at), RefusedShare::from_basis_points(s))).collect();
        let (from, enforce) = (steps[0].0, end.map(second));
        let stepped = RolloutPlan { ramp: Some(RampPlan::Steps(steps)), enforce, ..RolloutPlan::default() };
        let plans = [Some(Rollout::new(stepped).unwrap()), enforce.map(|to| linear(from, to))];
        let mut seconds = seconds;
        seconds.sort_unstable();
        for rollout in plans.into_iter().flatten() {
            let bucket = bucket("r", &identity);
            let refused: Vec<bool> = seconds.iter().map(|s| rollout.state_at(second(*s)).share.contains(bucket)).collect();
            prop_assert!(refused.is_sorted(), "{refused:?}");
        }
    }
}
