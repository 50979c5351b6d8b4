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

/// The steps of a point in a period of more than three days.
const STEPS_OF_DAY: usize = 24;

/// The input of the report of a fleet.
pub(super) struct FleetInput {
    /// The time.
    pub(super) now: Timestamp,
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
    let FleetInput { now, counters, raw, phases } = input;
    let raw = index_raw(raw);
    let transport = "upshift_transport_requests_total";
    let transport = count_steps(transport, &counters.transport, &counters, &raw);
    let rules = "upshift_rule_standing_requests_total";
    let rules = rule_steps(&count_steps(rules, &counters.rules, &counters, &raw));
    let http = by_label(&transport, "http");
    let phases = phases_of(&phases);
    let mut records = Vec::new();
    for (rule, steps) in rules {
        let phase = phases.get(&rule).cloned();
        records.push(rule_record(rule, phase, steps, &counters));
    }
    let total = http.values().map(|counted| sum(&counted.total)).sum();
    AdoptionReport {
        now: now.to_string(),
        from: instant_text(counters.from),
        recording_since: counters.first_seen().map(instant_text),
        gateways: Some(counters.starts.len() as u64),
        total: requests(total),
        http: label_counts(http),
        tls: label_counts(by_label(&transport, "tls")),
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
        LabelCounts { label, total, behind }
    }

    fn total_of(&self, steps: std::ops::Range<usize>) -> RequestCounts {
        requests(self.total.get(steps).map_or(0, sum))
    }

    fn behind_of(&self, steps: std::ops::Range<usize>) -> RequestCounts {
        requests(self.behind.get(steps).map_or(0, sum))
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

fn label_counts(labels: BTreeMap<String, Counted>) -> Vec<LabelCounts> {
    let mut records = Vec::new();
    for (label, counted) in labels {
        let record = counted.to_record(label);
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
    steps: RuleSteps,
    counters: &FleetCounters,
) -> RuleAdoption {
    let series = series_of(&steps, counters);
    let all = steps.all.to_record(String::new());
    RuleAdoption {
        rule,
        phase,
        held_by: None,
        next: None,
        total: all.total,
        behind: all.behind,
        uncertain: requests(steps.uncertain),
        verdicts: label_counts(steps.verdicts),
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

fn series_of(rule: &RuleSteps, counters: &FleetCounters) -> Vec<SeriesPoint> {
    let length = if counters.steps <= 3 * STEPS_OF_DAY { 1 } else { STEPS_OF_DAY };
    let none = Counted::default();
    let (mut points, mut first) = (Vec::new(), 0);
    while first < counters.steps {
        // The first day is the short one, so that the last one ends now.
        let rest = (counters.steps - first) % length;
        let end = first + if rest == 0 { length } else { rest };
        let of_verdict =
            |verdict: &str| rule.verdicts.get(verdict).unwrap_or(&none).total_of(first..end);
        points.push(SeriesPoint {
            from: instant_text(counters.time_of(first)),
            seconds: (end - first) as i64 * STEP,
            complete: true,
            total: rule.all.total_of(first..end),
            behind: rule.all.behind_of(first..end),
            admitted: of_verdict("admit"),
            warned: of_verdict("warn"),
            exempt: of_verdict("exempt"),
            refused: of_verdict("refuse"),
        });
        first = end;
    }
    points
}

impl FleetCounters {
    /// The first step at which any gateway was scraped, in seconds since 1970.
    fn first_seen(&self) -> Option<i64> {
        let firsts =
            self.starts.values().filter_map(|starts| starts.iter().position(Option::is_some));
        firsts.min().map(|step| self.time_of(step))
    }
}
