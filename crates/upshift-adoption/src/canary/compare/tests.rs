#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use upshift_core::policy::{PolicySpec, Requirement, RuleSpec};
use upshift_core::{Facts, HttpVersion, Known, Phase, TlsState, TlsVersion};

use super::super::{NotedBy, NotedRequests, RecentNotes, rules_hash};
use super::*;
use crate::sketch::CallerHasher;

const NOW: i64 = 1_796_000_400;

/// A rule that requires TLS, in this phase.
fn policy(phase: Phase) -> Policy {
    let mut rule = RuleSpec::new("tls", vec![Requirement::Tls(TlsVersion::V1_2)]);
    rule.phase = Some(phase);
    Policy::new(PolicySpec { rules: vec![rule], ..PolicySpec::default() }).unwrap()
}

fn facts<'f>(fields: &'f Vec<(&'f str, &'f str)>, tls: TlsState) -> Facts<'f> {
    Facts {
        method: "GET",
        host: "example.com",
        path: "/",
        query: None,
        hop: HttpVersion::V1_1,
        http: Known::Is(HttpVersion::V1_1),
        tls: Known::Is(tls),
        client_ip: None,
        fields,
        has_content: false,
        protocol: None,
    }
}

/// Callers, of whom the first `cleartext` use no TLS.
fn noted(callers: u32, cleartext: u32) -> Vec<(NoteKey, RecentRequest)> {
    let policy = policy(Phase::Warn);
    let (hasher, recorded) = (CallerHasher::new([1; 16]), RecordedFields::of_policy(&policy));
    let fields: Vec<(&str, &str)> = Vec::new();
    let mut notes = RecentNotes::default();
    let mut all = Vec::new();
    for caller in 0..callers {
        let tls = match caller < cleartext {
            true => TlsState::Cleartext,
            false => TlsState::Version(TlsVersion::V1_3),
        };
        let facts = facts(&fields, tls);
        let decision = policy.decide(&facts, Timestamp::from_second(NOW).unwrap());
        let by = NotedBy {
            caller: hasher.hash_caller(caller),
            is_address: false,
            rules: rules_hash(hasher, &decision),
        };
        // Each caller sends two requests.
        for _ in 0..2 {
            let sender = (u64::from(caller), notes.kind_of(&facts));
            if !notes.has_noted(sender.0, sender.1) {
                notes.note_request(sender, by, &facts, &recorded);
            }
        }
        all.extend(notes.take_requests().requests);
    }
    all
}

fn compare(recent: &RecentCallers, next: &Policy, now: i64) -> CanaryReport {
    let running = policy(Phase::Warn);
    let recorded = RecordedFields::of_policy(&running);
    let now = Timestamp::from_second(now).unwrap();
    recent.compare_policies((&running, next), &recorded, now, || true)
}

#[test]
fn callers_who_would_be_newly_refused_are_counted() {
    let mut recent = RecentCallers::default();
    recent.add_requests(NOW, noted(1_000, 129));
    let report = compare(&recent, &policy(Phase::Enforce), NOW + 120);
    assert_eq!((report.callers, report.newly_refused, report.newly_admitted), (1_000, 129, 0));
    assert_eq!(report.rules, [CanaryRule { rule: "tls".to_owned(), newly_refused: 129 }]);
    let sentence = "129 of 1,000 callers in the last 2 minutes would be newly refused (12.9%)";
    assert_eq!(report.to_string(), sentence);
    assert_eq!(compare(&recent, &policy(Phase::Observe), NOW).newly_refused, 0);
}

#[test]
fn callers_are_forgotten_after_ten_minutes() {
    let mut recent = RecentCallers::default();
    recent.add_requests(NOW, noted(100, 10));
    assert!(!recent.add_requests(NOW + 200, Vec::new()));
    // The first half is over: cores note their callers again.
    assert!(recent.add_requests(NOW + 300, noted(50, 10)));
    assert_eq!(compare(&recent, &policy(Phase::Enforce), NOW + 300).callers, 100);
    assert!(recent.add_requests(NOW + 600, Vec::new()));
    assert_eq!(compare(&recent, &policy(Phase::Enforce), NOW + 600).callers, 50);
    assert!(recent.add_requests(NOW + 900, Vec::new()));
    let report = compare(&recent, &policy(Phase::Enforce), NOW + 900);
    assert_eq!(report.to_string(), "no caller was seen in the last minutes");
}

/// After a pause in traffic, the callers from before it are not counted, and the window that is
/// named is the one that was looked at.
#[test]
fn a_pause_in_traffic_does_not_lengthen_the_window() {
    let mut recent = RecentCallers::default();
    recent.add_requests(NOW, noted(50, 7));
    // At the latest moment for which the first half is still the one before the current.
    assert!(recent.add_requests(NOW + 590, noted(1, 0)));
    assert_eq!(compare(&recent, &policy(Phase::Enforce), NOW + 590).seconds, 590);
    let report = compare(&recent, &policy(Phase::Enforce), NOW + 601);
    assert_eq!((report.callers, report.seconds), (1, 301), "the first half is too old");

    let mut recent = RecentCallers::default();
    recent.add_requests(NOW, noted(50, 7));
    assert!(recent.add_requests(NOW + 851, noted(1, 0)));
    let report = compare(&recent, &policy(Phase::Enforce), NOW + 852);
    assert_eq!((report.callers, report.seconds), (1, 1), "all before the pause is too old");
}

/// Whenever requests come and whenever the comparison is made, it counts no request that is older
/// than ten minutes, all of the last five, and names a window between the two.
#[test]
fn the_window_has_five_to_ten_minutes_at_any_time() {
    for gap in [1, 7, 61, 299, 300, 301, 450, 599, 600, 601, 1_000] {
        let (mut recent, mut sent) = (RecentCallers::default(), Vec::new());
        for (caller, request) in noted(30, 0).into_iter().enumerate() {
            let second = NOW + caller as i64 * gap;
            recent.begin_half(second);
            recent.add_requests(second, vec![request]);
            sent.push(second);
            for age in [0, 1, 150, 299] {
                let now = second + age;
                let report = compare(&recent, &policy(Phase::Enforce), now);
                let younger = |limit| sent.iter().filter(|at| now - **at < limit).count() as u64;
                let callers = report.callers;
                assert!(younger(HALF_WINDOW) <= callers, "{gap} s, {now}: {report:?}");
                assert!(callers <= younger(TWO_HALVES), "{gap} s, {now}: {report:?}");
                assert!(report.seconds <= TWO_HALVES, "{gap} s, {now}: {report:?}");
            }
        }
    }
}

/// A half ends without traffic, too. A core reports a caller only once per half, so a half that did
/// not end would hide callers who return.
#[test]
fn a_half_ends_without_traffic() {
    let mut recent = RecentCallers::default();
    recent.add_requests(NOW, noted(1, 0));
    assert!(!recent.begin_half(NOW + 299));
    assert!(recent.begin_half(NOW + 300));
    assert!(!recent.begin_half(NOW + 301));
    // A clock that was set back does not keep callers for longer.
    assert!(recent.begin_half(NOW - 3_600));
    assert_eq!(compare(&recent, &policy(Phase::Enforce), NOW - 3_600).callers, 0);
}

#[test]
fn a_policy_that_reads_another_field_is_told_so() {
    let mut other = RuleSpec::new("tls", vec![Requirement::Tls(TlsVersion::V1_2)]);
    other.identity = vec![upshift_core::policy::IdentityReader::Cookie("session".into())];
    let other = Policy::new(PolicySpec { rules: vec![other], ..PolicySpec::default() }).unwrap();
    let mut recent = RecentCallers::default();
    recent.add_requests(NOW, noted(10, 1));
    assert_eq!(compare(&recent, &other, NOW).unrecorded_fields, ["cookie"]);
}

#[test]
fn a_flood_of_callers_stays_bounded() {
    let mut recent = RecentCallers::default();
    for _ in 0..3 {
        recent.add_requests(NOW, noted(10_000, 0));
    }
    assert_eq!(recent.current.len(), 10_000);
    let mut more = noted(20_000, 0);
    more.drain(..10_000);
    recent.add_requests(NOW, more);
    assert_eq!((recent.current.len(), recent.missed), (MAX_REQUESTS, 20_000 - MAX_REQUESTS as u64));
}

/// A canary that has not seen all callers says so, for as long as that part of its window counts.
#[test]
fn requests_without_room_count_as_missed_for_their_whole_window() {
    let mut recent = RecentCallers::default();
    let requests = noted(10, 1);
    recent.add_requests(NOW, NotedRequests { requests, left_out: 7 });
    let enforce = policy(Phase::Enforce);
    assert_eq!(compare(&recent, &enforce, NOW + 120).missed, 7);
    recent.add_requests(NOW + 310, Vec::new());
    assert_eq!(compare(&recent, &enforce, NOW + 320).missed, 7, "they are in the half before");
    recent.add_requests(NOW + 610, Vec::new());
    assert_eq!(compare(&recent, &enforce, NOW + 620).missed, 0, "they are too old");
}

/// One core notes so many callers in a second, and counts the others.
#[test]
fn a_core_counts_the_requests_that_it_does_not_note() {
    let rule = policy(Phase::Warn);
    let recorded = RecordedFields::of_policy(&rule);
    let mut notes = RecentNotes::default();
    let caller = CallerHasher::new([1; 16]).hash_caller(1);
    let by = NotedBy { caller, is_address: false, rules: 0 };
    let fields = Vec::new();
    let facts = facts(&fields, TlsState::Cleartext);
    for sender in 0..10_000_u64 {
        notes.note_request((sender, notes.kind_of(&facts)), by, &facts, &recorded);
    }
    let taken = notes.take_requests();
    assert_eq!((taken.requests.len(), taken.left_out), (8 * 1024, 10_000 - 8 * 1024));
    assert_eq!(notes.take_requests().left_out, 0, "each handover counts its own");
}

/// Emergency commands must not wait until a large policy has decided thousands of requests.
#[test]
fn a_comparison_ends_when_its_time_is_over() {
    let mut recent = RecentCallers::default();
    recent.add_requests(NOW, noted(100, 100));
    let running = policy(Phase::Warn);
    let recorded = RecordedFields::of_policy(&running);
    let left = std::cell::Cell::new(30);
    let policies = (&running, &policy(Phase::Enforce));
    let now = Timestamp::from_second(NOW).unwrap();
    let report =
        recent.compare_policies(policies, &recorded, now, || left.replace(left.get() - 1) > 0);
    assert_eq!((report.callers, report.newly_refused, report.missed), (30, 30, 70));
    assert!(report.to_string().ends_with("; 70 more requests were not tried"), "{report}");
}
