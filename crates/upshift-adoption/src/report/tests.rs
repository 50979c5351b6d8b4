#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use upshift_core::Verdict;
use upshift_core::policy::{PolicySpec, Requirement, RuleSpec};
use upshift_record::adoption::RequestCounts;

use super::*;
use crate::sketch::CallerHasher;
use crate::usage::{RowKey, Span, Standing, UsageRow};

const DAY: i64 = 86_400;
/// 2026-11-29T00:00:00Z.
const MIDNIGHT: i64 = 20_786 * DAY;

fn policy() -> Policy {
    let rule = RuleSpec::new("tls", vec![Requirement::Tls(upshift_core::TlsVersion::V1_2)]);
    Policy::new(PolicySpec { rules: vec![rule], ..PolicySpec::default() }).unwrap()
}

fn row(
    (span, start): (Span, i64),
    (dimension, label): (Dimension, &str),
    (verdict, standing): (Verdict, Standing),
    callers: std::ops::Range<u32>,
) -> StoredRow {
    let hasher = CallerHasher::new([4; 16]);
    let requests = 2 * u64::from(callers.end - callers.start);
    let mut counts = UsageRow { requests, ..UsageRow::default() };
    for caller in callers {
        counts.callers.insert_caller(hasher.hash_caller(caller));
    }
    let key = RowKey { rule: "tls".into(), dimension, label: label.into(), verdict, standing };
    StoredRow { span, start, key, row: counts }
}

fn report(from: i64, rows: Vec<StoredRow>) -> AdoptionReport {
    let first = rows.iter().map(|stored| stored.start).min();
    build_report(ReportInput {
        now: Timestamp::from_second(MIDNIGHT + 3_600).unwrap(),
        from,
        recording_since: first,
        weeks: weeks_of(&rows),
        rows,
        refused: Vec::new(),
        policy: &policy(),
    })
}

/// The rows by phase, and one of the gateway as a whole for each day.
fn weeks_of(rows: &[StoredRow]) -> Vec<StoredRow> {
    let mut weeks = Vec::new();
    for stored in rows {
        if stored.span == Span::Day && stored.key.dimension == Dimension::Phase {
            weeks.push(stored.clone());
            let key = RowKey { rule: "".into(), label: "all".into(), ..stored.key.clone() };
            weeks.push(StoredRow { key, ..stored.clone() });
        }
    }
    weeks
}

const REFUSED: (Verdict, Standing) = (Verdict::Refuse, Standing::Behind);
const ADMITTED: (Verdict, Standing) = (Verdict::Admit, Standing::Meets);

/// A sketch may estimate more callers than there are requests: 1,648 of 1,637, for example.
#[test]
fn there_are_never_more_callers_than_requests() {
    let time = (Span::Day, MIDNIGHT - DAY);
    let mut stored = row(time, (Dimension::Phase, "enforce"), REFUSED, 0..1_650);
    stored.row.requests = 1_500;
    assert!(stored.row.callers.estimate() > stored.row.requests);
    let report = report(MIDNIGHT - 2 * DAY, vec![stored]);
    let counts = RequestCounts { requests: 1_500, callers: Some(1_500) };
    assert_eq!((report.rules[0].total, report.rules[0].behind), (counts, counts));
}

#[test]
fn requests_without_a_caller_have_unknown_callers() {
    let time = (Span::Day, MIDNIGHT - DAY);
    let mut stored = row(time, (Dimension::Phase, "enforce"), REFUSED, 0..0);
    stored.row.requests = 176;
    let report = report(MIDNIGHT - 2 * DAY, vec![stored]);
    assert_eq!(report.rules[0].total, RequestCounts { requests: 176, callers: None });
    assert_eq!(report.rules[0].uncertain, RequestCounts::default());
}

#[test]
fn callers_of_several_days_are_counted_once() {
    let mut rows = Vec::new();
    for day in 1..=5 {
        let time = (Span::Day, MIDNIGHT - day * DAY);
        rows.push(row(time, (Dimension::Phase, "enforce"), REFUSED, 0..20));
        rows.push(row(time, (Dimension::Phase, "enforce"), ADMITTED, 20..100));
        rows.push(row(time, (Dimension::Version, "1.1"), REFUSED, 0..20));
        rows.push(row(time, (Dimension::Version, "1.10"), ADMITTED, 20..40));
        rows.push(row(time, (Dimension::Version, "1.3"), ADMITTED, 40..100));
    }
    let report = report(MIDNIGHT - 6 * DAY, rows);
    let rule = &report.rules[0];
    assert_eq!((rule.rule.as_str(), rule.phase.as_deref()), ("tls", Some("enforce")));
    assert_eq!(rule.total, RequestCounts { requests: 1_000, callers: Some(100) });
    assert_eq!(rule.behind, RequestCounts { requests: 200, callers: Some(20) });
    assert_eq!(rule.uncertain, RequestCounts::default());
    let versions: Vec<_> = rule
        .versions
        .iter()
        .map(|version| (version.label.as_str(), version.total.callers))
        .collect();
    assert_eq!(versions, [("1.1", Some(20)), ("1.3", Some(60)), ("1.10", Some(20))]);
    let verdicts: Vec<_> = rule
        .verdicts
        .iter()
        .map(|verdict| (verdict.label.as_str(), verdict.total.requests))
        .collect();
    assert_eq!(verdicts, [("admit", 800), ("refuse", 200)]);
    // Five days and the hour of today.
    assert_eq!(rule.series.len(), 6);
    assert_eq!(rule.series[0].refused, RequestCounts { requests: 40, callers: Some(20) });
    assert!(rule.series[0].complete && !rule.series[5].complete);
    assert_eq!(rule.projection.answer, "needs-weeks");
}

/// A caller that upgraded in the period was counted below the required minimum for each version
/// that it had, so that the column contradicted the number of callers behind.
#[test]
fn callers_below_a_version_are_distinct_and_of_the_same_product() {
    let time = (Span::Day, MIDNIGHT - DAY);
    let version =
        |label, standing, callers| row(time, (Dimension::Version, label), standing, callers);
    let rows = vec![
        row(time, (Dimension::Phase, "enforce"), REFUSED, 0..30),
        row(time, (Dimension::Phase, "enforce"), ADMITTED, 0..100),
        version("1.4", REFUSED, 0..20),
        version("1.5", REFUSED, 10..30),
        version("2.0", ADMITTED, 0..90),
        version("App/9", ADMITTED, 90..95),
        version("App/10", ADMITTED, 90..100),
        version("none", ADMITTED, 0..3),
    ];
    let report = report(MIDNIGHT - 2 * DAY, rows);
    let rule = &report.rules[0];
    let below: Vec<_> =
        rule.versions.iter().map(|version| (&*version.label, version.callers_below)).collect();
    assert_eq!(
        below,
        [
            ("1.4", Some(0)),
            ("1.5", Some(20)),
            ("2.0", Some(30)),
            ("App/9", Some(0)),
            ("App/10", Some(5)),
            ("none", None)
        ]
    );
    assert_eq!(rule.behind.callers, Some(30), "as many as the minimum of the rule would refuse");
}

#[test]
fn a_short_period_is_shown_by_the_hour() {
    let rows = vec![
        row((Span::Hour, MIDNIGHT - 7_200), (Dimension::Phase, "warn"), ADMITTED, 0..10),
        row((Span::Minute, MIDNIGHT + 60), (Dimension::Phase, "warn"), ADMITTED, 0..10),
    ];
    let report = report(MIDNIGHT - DAY, rows);
    let points: Vec<_> = report.rules[0].series.iter().map(|point| point.total.requests).collect();
    assert_eq!(points, [20, 0, 20, 0]);
    assert_eq!(report.recording_since.as_deref(), Some("2026-11-28T22:00:00Z"));
}

#[test]
fn a_decline_of_ten_weeks_gets_a_date() {
    let mut rows = Vec::new();
    for day in 1..=70 {
        let weeks_ago = (day - 1) / 7;
        // A logistic decline, to 1.2 % in the last week.
        let odds = 0.012 * 1.5_f64.powi(weeks_ago as i32);
        let behind = (4_000.0 * odds / (1.0 + odds)) as u32;
        let time = (Span::Day, MIDNIGHT - day * DAY);
        rows.push(row(
            time,
            (Dimension::Phase, "warn"),
            (Verdict::Warn, Standing::Behind),
            0..behind,
        ));
        rows.push(row(time, (Dimension::Phase, "warn"), ADMITTED, behind..4_000));
    }
    let report = report(MIDNIGHT - 80 * DAY, rows);
    let projection = &report.rules[0].projection;
    assert_eq!(projection.answer, "between", "{}", projection.sentence);
    assert!(projection.latest > projection.earliest);
    let weeks = &report.rules[0].weeks;
    assert_eq!((weeks.len(), weeks.iter().filter(|week| week.projected).count()), (10, 10));
    assert!(weeks[0].behind > weeks[9].behind && weeks[9].behind > 40, "{weeks:?}");
    let last = Timestamp::from_second(MIDNIGHT - 7 * DAY).unwrap();
    assert_eq!(weeks[9].from, last.to_string());
}

/// A gateway that counted every day, and had requests on every second one only.
#[test]
fn weeks_with_days_without_requests_get_a_date() {
    let (mut rows, mut idle_days) = (Vec::new(), Vec::new());
    for day in 1..=70 {
        let odds = 0.012 * 1.5_f64.powi((day - 1) as i32 / 7);
        let behind = (4_000.0 * odds / (1.0 + odds)) as u32;
        let time = (Span::Day, MIDNIGHT - day * DAY);
        let phase = (Dimension::Phase, "warn");
        if day % 2 == 0 {
            rows.push(row(time, phase, (Verdict::Warn, Standing::Behind), 0..behind));
            rows.push(row(time, phase, ADMITTED, behind..4_000));
        } else {
            let mut idle = row(time, (Dimension::Phase, ""), ADMITTED, 0..0);
            idle.key.rule = "".into();
            idle_days.push(idle);
        }
    }
    assert_eq!(report(MIDNIGHT - 80 * DAY, rows.clone()).rules[0].projection.answer, "needs-weeks");
    let mut weeks = weeks_of(&rows);
    weeks.extend(idle_days);
    let report = build_report(ReportInput {
        now: Timestamp::from_second(MIDNIGHT + 3_600).unwrap(),
        from: MIDNIGHT - 80 * DAY,
        recording_since: rows.iter().map(|stored| stored.start).min(),
        weeks,
        rows,
        refused: Vec::new(),
        policy: &policy(),
    });
    assert_eq!(report.rules[0].projection.answer, "between");
}

#[test]
fn a_rule_that_the_policy_no_longer_has_is_still_reported() {
    let mut gone = row((Span::Day, MIDNIGHT - DAY), (Dimension::Phase, "warn"), ADMITTED, 0..3);
    gone.key.rule = "gone".into();
    let report = report(MIDNIGHT - 2 * DAY, vec![gone]);
    let rules: Vec<_> =
        report.rules.iter().map(|rule| (rule.rule.as_str(), rule.total.requests)).collect();
    assert_eq!(rules, [("tls", 0), ("gone", 6)]);
    assert_eq!(report.rules[1].phase, None);
}
