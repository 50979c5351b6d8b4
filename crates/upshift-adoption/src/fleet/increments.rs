//! The requests of each step, from counters that begin at 0 with each process.

use std::collections::BTreeMap;

use super::counters::{Counter, FleetCounters, Instance, RawHour, own_labels};
use super::response::{Labels, Samples, Series};

/// Requests by labels, summed over gateways: a number for each step.
pub(super) type StepCounts = BTreeMap<Labels, Vec<u64>>;

/// The samples of whole hours, by gateway and step.
pub(super) type FleetRaw = BTreeMap<(Instance, usize), RawSamples>;

/// The samples of one hour of one gateway.
#[derive(Default)]
pub(super) struct RawSamples {
    /// The series by metric and labels.
    series: BTreeMap<(String, Labels), Vec<(f64, f64)>>,
    /// The starts of the process by the time of the scrape, in milliseconds.
    starts: BTreeMap<i64, f64>,
}

/// The value of a counter, and the start of its process.
type Known = (f64, f64);

/// Sums what the counters of the metric `name` counted in each step.
pub(super) fn count_steps(
    name: &str,
    counters: &[Counter],
    fleet: &FleetCounters,
    raw: &FleetRaw,
) -> StepCounts {
    let mut counts = StepCounts::new();
    for counter in counters {
        let steps = counts.entry(counter.labels.clone()).or_insert_with(|| vec![0; fleet.steps]);
        add_increments(steps, (name, counter), fleet, raw);
    }
    counts
}

fn add_increments(
    steps: &mut [u64],
    (name, counter): (&str, &Counter),
    fleet: &FleetCounters,
    raw: &FleetRaw,
) {
    let mut last: Option<Known> = None;
    for (step, value) in counter.values.iter().enumerate() {
        let Some(value) = *value else { continue };
        let now = (value, fleet.start_at(&counter.instance, step));
        if let Some(place) = step.checked_sub(1).and_then(|before| steps.get_mut(before)) {
            let is_new = fleet.is_new_counter(&counter.instance, step);
            let samples = raw.get(&(counter.instance.clone(), step));
            let increment = match samples.and_then(|raw| raw.series_of(name, &counter.labels)) {
                Some(points) => raw_increment(points, samples, last, is_new),
                None => increment(last, now, is_new),
            };
            *place += increment.round() as u64;
        }
        last = Some(now);
    }
}

/// The growth of a counter from one sample to the next. `is_new`: it began at 0 in the period.
fn increment(last: Option<Known>, (value, start): Known, is_new: bool) -> f64 {
    match last {
        Some((before, same)) if same == start && before <= value => value - before,
        // Another process, which began at 0.
        Some(_) => value,
        None if is_new => value,
        None => 0.0,
    }
}

fn raw_increment(
    points: &[(f64, f64)],
    raw: Option<&RawSamples>,
    mut last: Option<Known>,
    is_new: bool,
) -> f64 {
    let mut sum = 0.0;
    for (time, value) in points {
        let start = raw.map_or(0.0, |raw| raw.start_at(*time));
        sum += increment(last, (*value, start), is_new);
        last = Some((*value, start));
    }
    sum
}

impl RawSamples {
    /// The samples of an answer.
    pub(super) fn new(samples: Samples) -> Self {
        let mut raw = Self::default();
        for Series { labels, points } in samples.series {
            let name = labels.get("__name__").cloned().unwrap_or_default();
            if name == "process_start_time_seconds" {
                let starts = points.iter().map(|(time, start)| (milliseconds(*time), *start));
                raw.starts.extend(starts);
            } else {
                raw.series.insert((name, own_labels(labels)), points);
            }
        }
        raw
    }

    fn series_of(&self, name: &str, labels: &Labels) -> Option<&[(f64, f64)]> {
        self.series.get(&(name.to_owned(), labels.clone())).map(Vec::as_slice)
    }

    /// The start of the process that was scraped at a time.
    fn start_at(&self, time: f64) -> f64 {
        // All series of one scrape have one time.
        let until = self.starts.range(..=milliseconds(time)).next_back();
        until.map_or(0.0, |(_, start)| *start)
    }
}

fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1_000.0).round() as i64
}

impl FleetCounters {
    /// The start of a gateway's process at a step; 0 if it is not known.
    fn start_at(&self, instance: &Instance, step: usize) -> f64 {
        let starts = self.starts.get(instance);
        starts.and_then(|starts| *starts.get(step)?).unwrap_or(0.0)
    }

    /// Returns true if a counter that is first seen at a step counts from 0: its gateway was
    /// scraped before, or was started in the period.
    fn is_new_counter(&self, instance: &Instance, step: usize) -> bool {
        let Some(starts) = self.starts.get(instance) else { return false };
        let was_scraped = starts[..step].iter().any(Option::is_some);
        was_scraped || self.start_at(instance, step) >= self.from as f64
    }
}

/// Indexes the samples of whole hours.
pub(super) fn index_raw(hours: Vec<(RawHour, Samples)>) -> FleetRaw {
    let mut raw = FleetRaw::new();
    for (hour, samples) in hours {
        raw.insert((hour.instance, hour.step), RawSamples::new(samples));
    }
    raw
}

#[cfg(test)]
mod tests {
    use super::super::counters::instance_of;
    use super::*;

    fn series(labels: &[(&str, &str)], points: &[(f64, f64)]) -> Series {
        let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Series { labels: labels.collect(), points: points.to_vec() }
    }

    fn of_gateway(name: &str, points: &[(f64, f64)]) -> Series {
        series(&[("job", "u"), ("instance", name), ("rule", "a")], points)
    }

    fn hour(number: i64) -> f64 {
        (number * 3_600) as f64
    }

    fn counted(rules: Vec<Series>, starts: Vec<Series>, raw: Vec<(RawHour, Samples)>) -> Vec<u64> {
        let samples = |series| Samples { series };
        let fleet =
            FleetCounters::new((36_000, 3), (Samples::default(), samples(rules), samples(starts)));
        let name = "upshift_rule_standing_requests_total";
        let counts = count_steps(name, &fleet.rules, &fleet, &index_raw(raw));
        counts.into_values().next().unwrap_or_default()
    }

    #[test]
    fn counters_of_all_gateways_are_summed() {
        let one = of_gateway("1", &[(hour(10), 100.0), (hour(11), 110.0), (hour(13), 115.0)]);
        // Started in the period, and scraped later: all that it counted is of the period.
        let two = of_gateway("2", &[(hour(12), 7.0), (hour(13), 9.0)]);
        // Older than the period, and scraped late: the first value is a baseline.
        let three = of_gateway("3", &[(hour(12), 50.0), (hour(13), 51.0)]);
        let old = |name: &str, from: i64| {
            let points: Vec<_> = (from..=13).map(|at| (hour(at), 5.0)).collect();
            of_gateway(name, &points)
        };
        let started = of_gateway("2", &[(hour(12), hour(11)), (hour(13), hour(11))]);
        let starts = vec![old("1", 10), started, old("3", 12)];
        assert_eq!(counted(vec![one, two, three], starts, vec![]), [10, 7, 5 + 2 + 1]);
    }

    #[test]
    fn a_restart_between_two_steps_loses_nothing_that_was_scraped() {
        let rules = of_gateway("1", &[(hour(10), 100.0), (hour(11), 120.0), (hour(12), 121.0)]);
        let starts =
            of_gateway("1", &[(hour(10), 5.0), (hour(11), 38_000.0), (hour(12), 38_000.0)]);
        // 30 more until the restart, then 120, which is more than before it.
        let points = [(37_000.0, 130.0), (38_010.0, 0.0), (39_000.0, 120.0)];
        let mut raw = of_gateway("1", &points);
        raw.labels.insert("__name__".into(), "upshift_rule_standing_requests_total".into());
        let mut raw_starts =
            of_gateway("1", &[(37_000.0, 5.0), (38_010.0, 38_000.0), (39_000.0, 38_000.0)]);
        raw_starts.labels.insert("__name__".into(), "process_start_time_seconds".into());
        let hour = RawHour { instance: ("u".into(), "1".into()), step: 1, to: 39_600 };
        let samples = Samples { series: vec![raw, raw_starts] };
        assert_eq!(counted(vec![rules], vec![starts], vec![(hour, samples)]), [150, 1, 0]);
    }

    #[test]
    fn the_first_labels_of_a_series_do_not_matter() {
        let labels = series(&[("job", "u"), ("instance", "1"), ("pod", "x")], &[]).labels;
        assert_eq!(instance_of(&labels), ("u".to_owned(), "1".to_owned()));
        assert!(own_labels(labels).is_empty());
    }
}
