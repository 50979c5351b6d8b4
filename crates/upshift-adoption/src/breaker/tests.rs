#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use super::*;
use crate::{CountedCaller, IdentityKey};
use proptest::prelude::*;
use upshift_core::policy::{self, PolicySpec, Requirement, Rollout, RolloutPlan, RuleSpec};
use upshift_core::{Phase, Policy};

const START: i64 = 1_793_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

fn who(n: u64) -> Fingerprint {
    IdentityKey::new([5; 32]).fingerprint(&n.to_be_bytes())
}

fn breaker(limits: TripLimits) -> Breaker {
    let mut breaker = Breaker::default();
    breaker.watch_rules([BreakerWatch {
        rule: "r".into(),
        limits,
        from: Some(at(0)),
        to: Some(at(100_000)),
    }]);
    breaker
}

/// An identity in one of 256 networks.
fn caller(n: u64) -> CountedCaller {
    let octet = u8::try_from(n % 256).unwrap();
    CountedCaller { identity: who(n), network: Network::V4([203, 0, octet]) }
}

/// The rules that trip.
fn trips(breaker: &mut Breaker, now: Timestamp) -> Vec<Trip> {
    let crossings = breaker.take_crossings(now).into_iter().filter(Crossing::trips);
    crossings.map(|crossing| crossing.trip).collect()
}

/// So many identities, of whom the first `refused` are refused.
fn tally(identities: std::ops::Range<u64>, refused: u64) -> CallerTally {
    let mut tally = CallerTally::default();
    let first = identities.start;
    for n in identities {
        tally.record_request("r", caller(n), n - first < refused, 50);
    }
    tally
}

#[test]
fn it_trips_at_the_first_crossing_and_says_who_was_hit() {
    let mut breaker = breaker(TripLimits::default());
    breaker.merge_tally(at(1), &tally(0..1_000, 50));
    assert!(trips(&mut breaker, at(1)).is_empty(), "5 % is allowed");
    breaker.merge_tally(at(1), &tally(2_000..2_001, 1));
    let trip = trips(&mut breaker, at(1)).remove(0);
    assert_eq!((trip.seen, trip.refused, trip.hit.len()), (1_001, 51, 51));
    assert!(trip.hit.contains(&who(2_000)));
    let sentence = "51 of 1001 identities were refused within 60 s (5.1 %, allowed 5.0 %), 2 % of them from one network";
    assert_eq!(trip.summary(), sentence);
}

#[test]
fn it_never_trips_below_the_minimum() {
    let mut breaker = breaker(TripLimits::default());
    breaker.merge_tally(at(1), &tally(0..199, 199));
    assert!(trips(&mut breaker, at(1)).is_empty());
    breaker.merge_tally(at(2), &tally(199..200, 1));
    assert_eq!(trips(&mut breaker, at(2)).len(), 1);
}

#[test]
fn one_client_that_polls_cannot_trip_it() {
    let mut breaker = breaker(TripLimits::default());
    breaker.merge_tally(at(1), &tally(0..300, 0));
    for second in 1..50 {
        let mut poller = CallerTally::default();
        for _ in 0..10_000 {
            poller.record_request("r", caller(9_999), true, 50);
        }
        breaker.merge_tally(at(second), &poller);
        assert!(trips(&mut breaker, at(second)).is_empty());
    }
}

/// Callers that are all from one network cannot trip the breaker: one anonymous connection can
/// invent any number of them. The rule goes on, and the report says why.
#[test]
fn callers_of_one_network_cannot_make_it_trip() {
    let mut breaker = breaker(TripLimits::default());
    let mut forged = CallerTally::default();
    for n in 0..220 {
        let caller = CountedCaller { identity: who(n), network: Network::V4([192, 0, 2]) };
        forged.record_request("r", caller, true, 50);
    }
    breaker.merge_tally(at(1), &tally(1_000..1_300, 3));
    breaker.merge_tally(at(1), &forged);
    let crossing = breaker.take_crossings(at(1)).remove(0);
    assert!(!crossing.trips() && crossing.trip.concentration() > 0.9);
    assert_eq!(crossing.trip.top, Some((Network::V4([192, 0, 2]), 50)));
    assert_eq!(crossing.withheld, Some(TripWithheld::OneNetwork));
    assert!(breaker.take_crossings(at(2)).is_empty(), "it is reported once in a window");
    assert_eq!(
        (breaker.readings(at(2))[0].withheld, breaker.readings(at(2))[0].tripped),
        (1, false)
    );
}

/// The report said that the limit is not crossed without that network, although too few others were
/// there to tell.
#[test]
fn too_few_other_callers_are_named_as_the_reason() {
    let mut breaker = breaker(TripLimits::default());
    for n in 0..220 {
        let network = Network::V4([192, 0, 2]);
        let mut refused = CallerTally::default();
        refused.record_request("r", CountedCaller { identity: who(n), network }, true, 50);
        breaker.merge_tally(at(1), &refused);
    }
    breaker.merge_tally(at(1), &tally(1_000..1_100, 80));
    let crossing = breaker.take_crossings(at(1)).remove(0);
    assert_eq!(crossing.withheld, Some(TripWithheld::FewOthers { seen: 100 }));
    let reason = crossing.withheld_reason();
    let text = "without that network, 100 identities were seen, and `minimum` is 200.";
    assert!(reason.starts_with(text), "{reason}");
}

/// The reverse: invented callers that comply do not hide that others are refused.
#[test]
fn compliant_callers_of_one_network_cannot_dilute_it() {
    let mut breaker = breaker(TripLimits::default());
    let mut forged = CallerTally::default();
    for n in 10_000..30_000 {
        let caller = CountedCaller { identity: who(n), network: Network::V4([198, 51, 100]) };
        forged.record_request("r", caller, false, 50);
    }
    breaker.merge_tally(at(1), &forged);
    breaker.merge_tally(at(1), &tally(0..200, 60));
    assert_eq!(trips(&mut breaker, at(1)).len(), 1);
}

/// One host may have an address of IPv4 and one of IPv6.
#[test]
fn callers_of_one_host_with_two_addresses_cannot_make_it_trip() {
    let mut breaker = breaker(TripLimits::default());
    let mut forged = CallerTally::default();
    for (n, network) in
        (0..).zip([Network::V4([192, 0, 2]), Network::V6([32, 1, 13, 184, 0, 1])].repeat(60))
    {
        forged.record_request("r", CountedCaller { identity: who(n), network }, true, 50);
    }
    breaker.merge_tally(at(1), &tally(1_000..1_400, 0));
    breaker.merge_tally(at(1), &forged);
    let crossing = breaker.take_crossings(at(1)).remove(0);
    assert_eq!((crossing.trips(), crossing.trip.refused), (false, 100));
}

/// Just above the limit, each network is one that it depends on. None of them is to blame.
#[test]
fn a_share_only_just_too_large_is_neither_a_trip_nor_withheld() {
    let mut breaker = breaker(TripLimits::default());
    breaker.merge_tally(at(1), &tally(0..210, 11));
    assert!(breaker.take_crossings(at(1)).is_empty());
    assert_eq!(breaker.readings(at(1))[0].withheld, 0);
}

/// The callers of one network do not make up the minimum.
#[test]
fn callers_of_one_network_do_not_fill_the_minimum() {
    let mut breaker = breaker(TripLimits::default());
    breaker.merge_tally(at(1), &tally(1_000..1_150, 10));
    let mut forged = CallerTally::default();
    for n in 0..60 {
        let caller = CountedCaller { identity: who(n), network: Network::V4([192, 0, 2]) };
        forged.record_request("r", caller, true, 50);
    }
    breaker.merge_tally(at(1), &forged);
    assert!(trips(&mut breaker, at(1)).is_empty());
}

/// A share that is only just too large is seen beside the admitted callers of one network.
#[test]
fn a_network_at_its_cap_does_not_dilute_a_small_share() {
    let mut breaker = breaker(TripLimits::default());
    let mut forged = CallerTally::default();
    for n in 10_000..10_050 {
        let caller = CountedCaller { identity: who(n), network: Network::V4([192, 0, 2]) };
        forged.record_request("r", caller, false, 50);
    }
    breaker.merge_tally(at(1), &forged);
    breaker.merge_tally(at(1), &tally(0..200, 12));
    assert_eq!(trips(&mut breaker, at(1)).len(), 1);
}

/// With `counts = "accepted"`, an identity that no upstream has accepted is no caller.
#[test]
fn only_accepted_identities_count_where_that_is_asked() {
    let mut breaker = breaker(TripLimits { counts: Counted::Accepted, ..TripLimits::default() });
    breaker.merge_tally(at(1), &tally(0..5_000, 5_000));
    assert!(breaker.take_crossings(at(1)).is_empty() && breaker.readings(at(1))[0].seen == 0);
    let mut accepted = CallerTally::default();
    for n in 0..300 {
        accepted.record_accepted("r", caller(n));
    }
    breaker.merge_tally(at(2), &accepted);
    breaker.merge_tally(at(3), &tally(0..5_000, 5_000));
    assert_eq!(trips(&mut breaker, at(3))[0].seen, 300);
}

#[test]
fn it_latches_until_a_person_resets_it_and_then_begins_anew() {
    let mut breaker = breaker(TripLimits::default());
    breaker.merge_tally(at(1), &tally(0..300, 300));
    assert_eq!(trips(&mut breaker, at(1)).len(), 1);
    breaker.merge_tally(at(5_000), &tally(0..300, 0));
    assert!(trips(&mut breaker, at(5_000)).is_empty());
    assert!(breaker.readings(at(5_000))[0].tripped);
    assert!(breaker.reset_rule("r"));
    assert!(!breaker.reset_rule("r"), "it was open already");
    assert!(trips(&mut breaker, at(5_000)).is_empty());
    breaker.merge_tally(at(5_001), &tally(0..300, 300));
    assert_eq!(trips(&mut breaker, at(5_001)).len(), 1);
}

#[test]
fn a_reload_keeps_counts_and_latches() {
    let watch = |window| BreakerWatch {
        rule: "r".into(),
        limits: TripLimits { window, ..TripLimits::default() },
        from: None,
        to: None,
    };
    let mut breaker = Breaker::default();
    breaker.watch_rules([watch(60)]);
    breaker.merge_tally(at(1), &tally(0..150, 150));
    breaker.watch_rules([watch(60)]);
    breaker.merge_tally(at(2), &tally(150..300, 150));
    assert_eq!(trips(&mut breaker, at(2)).len(), 1);
    breaker.watch_rules([watch(30)]);
    assert!(breaker.readings(at(2))[0].tripped);
    assert_eq!(breaker.readings(at(2))[0].seen, 0, "another window is counted anew");
    breaker.watch_rules([]);
    breaker.watch_rules([watch(30)]);
    assert!(
        !breaker.readings(at(2))[0].tripped,
        "a rule that went and came is a new one; the store latches it again"
    );
    breaker.mark_tripped("r");
    assert!(breaker.readings(at(2))[0].tripped);
}

#[test]
fn it_watches_from_the_first_refusal_and_counts_a_window_earlier() {
    let mut breaker = Breaker::default();
    breaker.watch_rules([BreakerWatch {
        rule: "r".into(),
        limits: TripLimits::default(),
        from: Some(at(100)),
        to: Some(at(200)),
    }]);
    breaker.merge_tally(at(99), &tally(0..5_000, 0));
    breaker.merge_tally(at(100), &tally(0..200, 200));
    assert!(trips(&mut breaker, at(100)).is_empty(), "200 of 5,000 are 4 %");
    let end = 100 + AFTER_ENFORCEMENT.as_secs();
    breaker.merge_tally(at(end - 1), &tally(0..300, 300));
    assert_eq!(trips(&mut breaker, at(end)), [], "the watch is over");
    breaker.merge_tally(at(end), &tally(0..300, 300));
    assert_eq!(
        (trips(&mut breaker, at(end)), breaker.readings(at(end))[0].watching),
        (vec![], false)
    );
}

/// A rule that is deployed long after its dates refuses everybody at once, and nothing watched it.
#[test]
fn a_watch_that_the_calendar_has_ended_lasts_seven_days_from_the_first_refusal() {
    let late = BreakerWatch {
        rule: "r".into(),
        limits: TripLimits::default(),
        from: Some(at(0)),
        to: Some(at(10)),
    };
    let mut breaker = Breaker::default();
    breaker.watch_rules([late.clone()]);
    breaker.merge_tally(at(5_000_000), &tally(0..300, 300));
    assert_eq!(trips(&mut breaker, at(5_000_000)).len(), 1);
    let mut breaker = Breaker::default();
    breaker.watch_rules([late.clone()]);
    breaker.merge_tally(at(5_000_000), &tally(0..300, 1));
    breaker.watch_rules([BreakerWatch {
        limits: TripLimits { window: 30, ..TripLimits::default() },
        ..late
    }]);
    let end = 5_000_000 + AFTER_ENFORCEMENT.as_secs();
    assert!(breaker.readings(at(end - 1))[0].watching);
    assert!(!breaker.readings(at(end))[0].watching, "a reload does not begin it again");
    breaker.merge_tally(at(end), &tally(0..300, 300));
    assert_eq!(trips(&mut breaker, at(end)), []);
}

#[test]
fn a_clock_that_goes_back_empties_the_window_but_opens_no_latch() {
    let mut breaker = breaker(TripLimits::default());
    breaker.merge_tally(at(5_000), &tally(0..190, 190));
    breaker.merge_tally(at(1_000), &tally(190..300, 110));
    assert!(trips(&mut breaker, at(1_000)).is_empty(), "the 190 belong to another time");
    assert_eq!(breaker.readings(at(1_000))[0].seen, 110);
    breaker.merge_tally(at(1_001), &tally(300..400, 100));
    assert_eq!(trips(&mut breaker, at(1_001)).len(), 1);
    breaker.merge_tally(at(500), &tally(0..1_000, 0));
    assert!(breaker.readings(at(500))[0].tripped);
    breaker.merge_tally(at(499), &tally(1_000..1_001, 0));
    assert_eq!(breaker.readings(at(500))[0].seen, 1_001, "two seconds back are no jump");
}

#[test]
fn what_is_watched_follows_from_the_calendar() {
    let rule = |change: fn(&mut RuleSpec)| {
        let mut spec = RuleSpec::new("r", vec![Requirement::Http(upshift_core::HttpVersion::V2)]);
        let (warn, enforce) = (Some(at(0)), Some(at(5_000)));
        spec.rollout = Rollout::new(RolloutPlan {
            warn,
            brownout: vec![(at(1_000), at(1_600))],
            enforce,
            ..RolloutPlan::default()
        })
        .ok();
        spec.breaker = Some(policy::BreakerLimits {
            refused_share: 0.05,
            window: 60,
            minimum: 200,
            counts: Counted::Seen,
            per_network: 50,
        });
        change(&mut spec);
        Policy::new(PolicySpec { rules: vec![spec], ..PolicySpec::default() }).unwrap()
    };
    let watched = rule(|_| {});
    let watch = BreakerWatch::of_rule(&watched.rules()[0]).unwrap();
    assert_eq!((watch.from, watch.to), (Some(at(1_000)), Some(at(5_000 + 7 * 86_400))));
    let counted = [939, 940, 4_000, 5_000 + 7 * 86_400]
        .map(|second| is_counted(&watched.rules()[0], at(second)));
    assert_eq!(
        counted,
        [false, true, true, true],
        "whether it is deployed late is not in the calendar"
    );
    let pinned_to_warn = rule(|spec| spec.phase = Some(Phase::Warn));
    for unwatched in [rule(|spec| spec.breaker = None), pinned_to_warn] {
        assert!(BreakerWatch::of_rule(&unwatched.rules()[0]).is_none());
        assert!(!is_counted(&unwatched.rules()[0], at(2_000)));
    }
    // Rules that enforce without a calendar could lock everybody out, and nothing would stop them.
    let at_once = rule(|spec| spec.rollout = None);
    let pinned = rule(|spec| spec.phase = Some(Phase::Enforce));
    for watched in [at_once, pinned] {
        let watch = BreakerWatch::of_rule(&watched.rules()[0]).unwrap();
        assert_eq!((watch.from, watch.to), (None, None));
        assert!(
            [0, 5_000 + 30 * 86_400]
                .into_iter()
                .all(|second| is_counted(&watched.rules()[0], at(second)))
        );
    }
    let only_warns = rule(|spec| {
        spec.rollout =
            Rollout::new(RolloutPlan { warn: Some(at(0)), ..RolloutPlan::default() }).ok();
    });
    assert!(!is_counted(&only_warns.rules()[0], at(2_000)));
    let set = policy::Override {
        phase: Phase::Enforce,
        until: None,
        by: policy::Actor::Breaker,
        reason: String::new(),
    };
    let set = policy::Overrides { all: Some(set), ..policy::Overrides::default() };
    assert!(
        is_counted(&watched.with_overrides(&set).rules()[0], at(0)),
        "a person may enforce before the time"
    );
    assert!(
        is_counted(&watched.with_overrides(&set).rules()[0], at(5_000 + 30 * 86_400)),
        "or again, long after"
    );
}

proptest! {
    /// Whatever comes, and however it is spread: as long as the rule is not tripped, the refused
    /// share of the window that was last checked is within the cap, or there were too few. So it
    /// exceeds the cap at most by what came since the last check; the gateway checks four times a
    /// second.
    #[test]
    fn the_refused_share_never_stays_above_the_cap(
        seconds in prop::collection::vec((0_u64..40, 0_u64..40, 0_u64..2_000), 1..80),
        cap in 0.01_f64..0.9,
        minimum in 1_u64..100,
    ) {
        let limits = TripLimits { refused_share: cap, window: 10, minimum, per_network: u32::MAX, ..TripLimits::default() };
        let mut breaker = breaker(limits);
        let mut history: Vec<(i64, u64, bool)> = Vec::new();
        for (second, (admitted, refused, first)) in seconds.into_iter().enumerate() {
            let second = second as i64;
            let mut tally = CallerTally::default();
            for n in 0..admitted + refused {
                tally.record_request("r", caller(first + n), n >= admitted, u32::MAX);
                history.push((second, first + n, n >= admitted));
            }
            breaker.merge_tally(at(second), &tally);
            let tripped = !trips(&mut breaker, at(second)).is_empty();
            let recent = || history.iter().filter(|(when, ..)| *when > second - 10);
            let seen: std::collections::HashSet<_> = recent().map(|(_, who, _)| who).collect();
            let cut: std::collections::HashSet<_> = recent().filter(|(.., r)| *r).map(|(_, who, _)| who).collect();
            let exceeds = |cut: usize, seen: usize| cut > 0 && cut as f64 / seen.max(1) as f64 > cap;
            // Without the network that most of the refused are in, the first of equals.
            let refused_in = |octet: u64| cut.iter().filter(|who| **who % 256 == octet).count();
            let top = (0..256).rev().max_by_key(|octet| refused_in(*octet)).unwrap_or(0);
            let seen_in_top = seen.iter().filter(|who| **who % 256 == top).count();
            let elsewhere = exceeds(cut.len() - refused_in(top), seen.len() - seen_in_top);
            let enough = (seen.len() - seen_in_top) as u64 + 1 >= minimum;
            let over = exceeds(cut.len(), seen.len()) && elsewhere && enough;
            prop_assert_eq!(tripped, over, "seen {} refused {}", seen.len(), cut.len());
            if tripped {
                break;
            }
        }
    }
}
