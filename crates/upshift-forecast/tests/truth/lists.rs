//! The lists of a rule and its days, against the truth.

use std::collections::BTreeMap;

use upshift_forecast::{Assumptions, ForecastOptions};
use upshift_record::forecast::TopEntry;

use crate::made_log::make_log;
use crate::{TemporaryLog, made, options};

/// The entries as a map. They must be in order, and exact: there are few items.
fn counts_of(entries: &[TopEntry]) -> BTreeMap<String, u64> {
    assert!(entries.is_sorted_by(|one, other| one.at_least >= other.at_least), "{entries:?}");
    let mut counts = BTreeMap::new();
    for entry in entries {
        assert_eq!(entry.at_least, entry.at_most, "{entry:?}");
        counts.insert(entry.item.clone(), entry.at_least);
    }
    counts
}

#[test]
fn every_list_of_a_rule_is_true() {
    let log = make_log(40_000);
    let file = TemporaryLog::new("lists.log", log.text.as_bytes());
    let options = ForecastOptions { top: 1_000, ..options() };
    let record = made(vec![file.source()], &options, Assumptions::default()).record;
    let mut listed = 0;
    for rule in &record.rules {
        let Some(truth) = log.refused.get(rule.rule.as_str()) else {
            assert_eq!(rule.top, Default::default(), "{}", rule.rule);
            continue;
        };
        listed += 1;
        assert_eq!(counts_of(&rule.top.clients), truth.clients, "{}", rule.rule);
        assert_eq!(counts_of(&rule.top.networks), truth.networks, "{}", rule.rule);
        assert_eq!(counts_of(&rule.top.paths), truth.paths, "{}", rule.rule);
        assert_eq!(counts_of(&rule.top.agents), truth.agents, "{}", rule.rule);
    }
    assert_eq!(listed, 2);
    let short = ForecastOptions { top: 3, ..options };
    let record = made(vec![file.source()], &short, Assumptions::default()).record;
    let apps = record.rules.iter().find(|rule| rule.rule == "apps").unwrap();
    let mut most: Vec<u64> = log.refused["apps"].clients.values().copied().collect();
    most.sort_unstable_by(|one, other| other.cmp(one));
    let shown: Vec<u64> = apps.top.clients.iter().map(|entry| entry.at_least).collect();
    assert_eq!(shown, most[..3]);
}

#[test]
fn every_day_of_a_rule_is_true() {
    let log = make_log(40_000);
    let file = TemporaryLog::new("rule-days.log", log.text.as_bytes());
    let record = made(vec![file.source()], &options(), Assumptions::default()).record;
    let mut days = 0;
    for rule in &record.rules {
        for day in &rule.days {
            let truth = &log.rule_days[&(rule.rule.as_str(), day.day.clone())];
            assert_eq!(
                (day.requests, day.refused, day.unknown, day.callers, day.refused_callers),
                (
                    truth.requests,
                    truth.refused,
                    truth.unknown,
                    truth.callers.len() as u64,
                    truth.refused_callers.len() as u64
                ),
                "{} on {}",
                rule.rule,
                day.day
            );
            days += 1;
        }
    }
    // Every rule applies to some request of each day.
    assert_eq!(days, log.rule_days.values().filter(|truth| truth.requests > 0).count());
}

/// A sample changes nothing but its label: the numbers are those of the log.
#[test]
fn a_sampled_log_is_labelled_and_not_scaled() {
    let log = make_log(2_000);
    let file = TemporaryLog::new("sampled.log", log.text.as_bytes());
    let whole = made(vec![file.source()], &options(), Assumptions::default()).record;
    let sampled = ForecastOptions { sampled: 0.1, ..options() };
    let sampled = made(vec![file.source()], &sampled, Assumptions::default()).record;
    assert_eq!((whole.sampled, sampled.sampled), (1.0, 0.1));
    assert_eq!((whole.total, whole.days), (sampled.total, sampled.days));
}

/// The same log twice has twice the requests, and the same callers.
#[test]
fn callers_of_several_logs_are_counted_once() {
    let log = make_log(2_000);
    let first = TemporaryLog::new("twice.log", log.text.as_bytes());
    let second = TemporaryLog::new("twice-copy.log", log.text.as_bytes());
    let one = made(vec![first.source()], &options(), Assumptions::default()).record;
    let sources = vec![first.source(), second.source()];
    let two = made(sources, &options(), Assumptions::default()).record;
    assert_eq!(two.total.requests, 2 * one.total.requests);
    assert_eq!(two.total.refused, 2 * one.total.refused);
    assert_eq!(
        (two.total.callers, two.total.refused_callers),
        (one.total.callers, one.total.refused_callers)
    );
    assert_eq!((one.notes.len(), two.notes.len()), (0, 1));
    for (one, two) in one.days.iter().zip(&two.days) {
        assert_eq!((2 * one.unknown, one.callers), (two.unknown, two.callers), "{}", one.day);
    }
}
