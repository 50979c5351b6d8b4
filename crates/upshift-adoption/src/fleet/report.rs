//! The report of a fleet, from the requests of each step.

use std::collections::BTreeMap;

use jiff::Timestamp;
use upshift_record::adoption::{
    AdoptionReport, LabelCounts, ProjectionRecord, RequestCounts, RuleAdoption, SeriesPoint,
};

use super::counters::{FleetCounters, RawHour};
use super::increments::{StepCounts, count_steps, index_raw};
use super::response::{Labels, Samples};
use super::step::STEP;
use crate::report::instant_text;
use crate::usage::Span;

/// The input of the report of a fleet.
pub(super) struct FleetInput {
    /// The time.
    pub(super) now: Timestamp,
    /// The length of a point of the series.
    pub(super) point: Span,
    /// The counters.
    pub(super) counters: FleetCounters,
    /// The samples of the hours that [`FleetCounters::raw_hours`] names.
    pub(super) raw: Vec<(RawHour, Samples)>,
    /// The phases of the rules.
    pub(super) phases: Samples,
}

/// The requests with one label, by step.
#[derive(Default)]
struct Counted {
    total: Vec<u64>,
    behind: Vec<u64>,
}

/// The requests of one rule.
#[derive(Default)]
struct RuleSteps {
    all: Counted,
    uncertain: u64,
    verdicts: BTreeMap<String, Counted>,
}

/// Makes the report.
pub(super) fn build_fleet_report(input: FleetInput) -> AdoptionReport {
    let FleetInput { now, point, counters, raw, phases } = input;
    let raw = index_raw(raw);
    let transport = "upshift_transport_requests_total";
    let transport = count_steps(transport, &counters.transport, &counters, &raw);
    let rules = "upshift_rule_standing_requests_total";
    let rules = rule_steps(&count_steps(rules, &counters.rules, &counters, &raw));
    let http = by_label(&transport, "http");
    let phases = phases_of(&phases);
    let mut records = Vec::new();
    for (rule, steps) in rules {
        // Series of zero exist from the start of a gateway, but not in a large policy.
        if sum(&steps.all.total) == 0 {
            continue;
        }
        let phase = phases.get(&rule).cloned();
        let series = series_of(&steps, &counters, point, now.as_second());
        records.push(rule_record(rule, phase, &steps, series));
    }
    let total = http.values().map(|counted| sum(&counted.total)).sum();
    AdoptionReport {
        now: now.to_string(),
        from: instant_text(counters.from),
        recording_since: counters.counting_since(now.as_second()).map(instant_text),
        gateways: Some(counters.starts.len() as u64),
        total: requests(total),
        http: label_counts(&http),
        tls: label_counts(&by_label(&transport, "tls")),
        rules: records,
        not_known: NOT_KNOWN.map(str::to_owned).to_vec(),
    }
}

/// The parts of a report that no metric has.
const NOT_KNOWN: [&str; 11] = [
    "callers",
    "rules.held_by",
    "rules.next",
    "rules.versions",
    "rules.clients",
    "rules.http",
    "rules.tls",
    "rules.refused_callers",
    "rules.weeks",
    "rules.projection",
    "rules without requests",
];

/// A number of requests. Distinct callers cannot be summed over gateways.
fn requests(requests: u64) -> RequestCounts {
    RequestCounts { requests, callers: None }
}

fn sum(steps: &[u64]) -> u64 {
    steps.iter().sum()
}

impl Counted {
    fn add_steps(&mut self, labels: &Labels, steps: &[u64]) {
        add_to(&mut self.total, steps);
        let is_behind = labels.get("standing").is_some_and(|standing| standing == "behind");
        if is_behind {
            add_to(&mut self.behind, steps);
        }
    }

    fn to_record(&self, label: String) -> LabelCounts {
        let (total, behind) = (requests(sum(&self.total)), requests(sum(&self.behind)));
        LabelCounts { label, total, behind, callers_below: None }
    }

    fn total_of(&self, steps: std::ops::Range<usize>) -> RequestCounts {
        requests(self.total.get(steps).map_or(0, sum))
    }

    fn behind_of(&self, steps: std::ops::Range<usize>) -> RequestCounts {
        requests(self.behind.get(steps).map_or(0, sum))
    }
}

impl RuleSteps {
    fn verdict_counts(&self, verdict: &str, steps: std::ops::Range<usize>) -> RequestCounts {
        match self.verdicts.get(verdict) {
            Some(counted) => counted.total_of(steps),
            None => requests(0),
        }
    }
}

fn add_to(into: &mut Vec<u64>, steps: &[u64]) {
    into.resize(steps.len(), 0);
    for (sum, count) in into.iter_mut().zip(steps) {
        *sum += count;
    }
}

fn by_label(counts: &StepCounts, name: &str) -> BTreeMap<String, Counted> {
    let mut labels: BTreeMap<String, Counted> = BTreeMap::new();
    for (key, steps) in counts {
        let label = key.get(name).cloned().unwrap_or_default();
        labels.entry(label).or_default().add_steps(key, steps);
    }
    labels
}

fn label_counts(labels: &BTreeMap<String, Counted>) -> Vec<LabelCounts> {
    let mut records = Vec::new();
    for (label, counted) in labels {
        let record = counted.to_record(label.clone());
        // Series of zero exist from the start of a gateway.
        if record.total.requests > 0 {
            records.push(record);
        }
    }
    records
}

fn rule_steps(counts: &StepCounts) -> BTreeMap<String, RuleSteps> {
    let mut rules: BTreeMap<String, RuleSteps> = BTreeMap::new();
    for (key, steps) in counts {
        let label = |name: &str| key.get(name).cloned().unwrap_or_default();
        let rule = rules.entry(label("rule")).or_default();
        rule.all.add_steps(key, steps);
        rule.verdicts.entry(label("verdict")).or_default().add_steps(key, steps);
        if label("standing") == "uncertain" {
            rule.uncertain += sum(steps);
        }
    }
    rules
}

/// The phase of each rule. Gateways that disagree are all named.
fn phases_of(samples: &Samples) -> BTreeMap<String, String> {
    let mut phases: BTreeMap<String, String> = BTreeMap::new();
    for series in &samples.series {
        let label = |name: &str| series.labels.get(name).cloned().unwrap_or_default();
        let known = phases.entry(label("rule")).or_default();
        if !known.is_empty() {
            known.push_str(" or ");
        }
        known.push_str(&label("phase"));
    }
    phases
}

fn rule_record(
    rule: String,
    phase: Option<String>,
    steps: &RuleSteps,
    series: Vec<SeriesPoint>,
) -> RuleAdoption {
    let all = steps.all.to_record(String::new());
    RuleAdoption {
        rule,
        phase,
        held_by: None,
        next: None,
        total: all.total,
        behind: all.behind,
        uncertain: requests(steps.uncertain),
        verdicts: label_counts(&steps.verdicts),
        versions: Vec::new(),
        clients: Vec::new(),
        http: Vec::new(),
        tls: Vec::new(),
        series,
        weeks: Vec::new(),
        projection: ProjectionRecord {
            answer: "not-known".to_owned(),
            earliest: None,
            latest: None,
            sentence: "Not known from Prometheus, which does not have the distinct callers."
                .to_owned(),
        },
        refused_callers: Vec::new(),
    }
}

/// The points from the first that has numbers, without gaps.
fn series_of(
    rule: &RuleSteps,
    counters: &FleetCounters,
    point: Span,
    now: i64,
) -> Vec<SeriesPoint> {
    let Some(since) = counters.counting_since(now) else { return Vec::new() };
    let length = usize::try_from(point.seconds() / STEP).unwrap_or(1).max(1);
    let mut points = Vec::new();
    for first in (0..counters.steps).step_by(length) {
        let (from, steps) = (counters.time_of(first), first..counters.steps.min(first + length));
        let to = from + point.seconds();
        // Before that, the counts are not known.
        if to <= since {
            continue;
        }
        points.push(SeriesPoint {
            from: instant_text(from),
            seconds: point.seconds(),
            complete: since <= from && to <= now,
            total: rule.all.total_of(steps.clone()),
            behind: rule.all.behind_of(steps.clone()),
            admitted: rule.verdict_counts("admit", steps.clone()),
            warned: rule.verdict_counts("warn", steps.clone()),
            exempt: rule.verdict_counts("exempt", steps.clone()),
            refused: rule.verdict_counts("refuse", steps.clone()),
        });
    }
    points
}

impl FleetCounters {
    /// The time from which on requests are counted, in seconds since 1970.
    fn counting_since(&self, now: i64) -> Option<i64> {
        let mut earliest: Option<i64> = None;
        for starts in self.starts.values() {
            let Some((step, start)) = first_known(starts) else { continue };
            let since = match step {
                0 => self.from,
                // The counters of a process that began in the period begin at 0.
                _ if start >= self.from as f64 => start as i64,
                _ => self.time_of(step).min(now),
            };
            earliest = Some(earliest.map_or(since, |known| known.min(since)));
        }
        earliest
    }
}

/// The first value, and its place.
fn first_known(values: &[Option<f64>]) -> Option<(usize, f64)> {
    values.iter().enumerate().find_map(|(place, value)| Some((place, (*value)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;
    /// Midnight.
    const FROM: i64 = 86_400 * 20_000;

    /// A rule with a request in each hour, and a gateway that was scraped from an hour on.
    fn series(hours: usize, scraped_from: usize, start: i64) -> (Vec<SeriesPoint>, Option<i64>) {
        let mut counters = FleetCounters { from: FROM, steps: hours, ..FleetCounters::default() };
        let mut starts = vec![None; scraped_from];
        starts.resize(hours + 1, Some(start as f64));
        counters.starts.insert(("u".to_owned(), "1".to_owned()), starts);
        let mut rule = RuleSteps::default();
        rule.all.total = vec![1; hours];
        let now = FROM + hours as i64 * HOUR - 60;
        let series = series_of(&rule, &counters, Span::of_period(FROM, now), now);
        (series, counters.counting_since(now))
    }

    /// Catches days that begin at the minute of the report instead of midnight.
    #[test]
    fn days_are_those_of_utc() {
        let (points, since) = series(5 * 24 + 21, 0, FROM - 5);
        let froms: Vec<i64> = (0..6).map(|day| FROM + day * 24 * HOUR).collect();
        let shown: Vec<&str> = points.iter().map(|point| point.from.as_str()).collect();
        assert_eq!(shown, froms.into_iter().map(instant_text).collect::<Vec<_>>());
        assert_eq!((points[0].total.requests, points[5].total.requests), (24, 21));
        assert_eq!((points[4].complete, points[5].complete), (true, false));
        assert_eq!(since, Some(FROM));
    }

    /// Catches missing data that is reported as zero requests.
    #[test]
    fn hours_before_the_first_scrape_have_no_numbers() {
        let (points, since) = series(10, 4, FROM - 5);
        assert_eq!((points.len(), points[0].complete), (6, true));
        assert_eq!(points[0].from, instant_text(FROM + 4 * HOUR));
        assert_eq!(since, Some(FROM + 4 * HOUR));
    }

    /// Its counters start at 0 with the process, so requests before the first scrape are counted.
    #[test]
    fn a_gateway_that_began_in_the_period_counts_from_its_start() {
        let start = FROM + 3 * HOUR + 600;
        let (points, since) = series(10, 4, start);
        assert_eq!(
            (points[0].from.as_str(), points[0].complete),
            (&*instant_text(FROM + 3 * HOUR), false)
        );
        assert_eq!(since, Some(start));
    }
}
