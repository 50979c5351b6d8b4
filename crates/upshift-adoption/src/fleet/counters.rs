//! The counters of a fleet at the steps of a period, and the hours that have to be read whole.

use std::collections::BTreeMap;

use super::response::{Labels, Samples, Series};
use super::step::STEP;

/// A gateway: its job and its instance.
pub(super) type Instance = (String, String);

/// The counters of a fleet at the steps of a period.
#[derive(Default)]
pub(super) struct FleetCounters {
    /// The time of the first step.
    pub(super) from: i64,
    /// The number of steps after the first.
    pub(super) steps: usize,
    pub(super) transport: Vec<Counter>,
    pub(super) rules: Vec<Counter>,
    /// The start of each gateway's process, at each step at which it was scraped.
    pub(super) starts: BTreeMap<Instance, Vec<Option<f64>>>,
}

/// A counter of one gateway.
pub(super) struct Counter {
    pub(super) instance: Instance,
    /// Its other labels.
    pub(super) labels: Labels,
    /// Its value at each step at which it was scraped.
    pub(super) values: Vec<Option<f64>>,
}

/// An hour of one gateway of which all samples have to be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RawHour {
    pub(super) instance: Instance,
    pub(super) step: usize,
    /// The end of the hour, in seconds since 1970.
    pub(super) to: i64,
}

impl FleetCounters {
    /// The counters at the steps from `from` on.
    pub(super) fn new(
        (from, steps): (i64, usize),
        (transport, rules, starts): (Samples, Samples, Samples),
    ) -> Self {
        let mut counters = Self { from, steps, ..Self::default() };
        for series in starts.series {
            let values = counters.values_at_steps(&series);
            counters.starts.insert(instance_of(&series.labels), values);
        }
        counters.transport = counters.counters_of(transport);
        counters.rules = counters.counters_of(rules);
        counters
    }

    fn counters_of(&self, samples: Samples) -> Vec<Counter> {
        let mut counters = Vec::new();
        for series in samples.series {
            let values = self.values_at_steps(&series);
            let instance = instance_of(&series.labels);
            counters.push(Counter { instance, labels: own_labels(series.labels), values });
        }
        counters
    }

    fn values_at_steps(&self, series: &Series) -> Vec<Option<f64>> {
        let mut values = vec![None; self.steps + 1];
        for (time, value) in &series.points {
            let step = (*time as i64 - self.from) / STEP;
            if let Ok(step) = usize::try_from(step)
                && let Some(place) = values.get_mut(step)
            {
                *place = Some(*value);
            }
        }
        values
    }

    /// The time of a step, in seconds since 1970.
    pub(super) fn time_of(&self, step: usize) -> i64 {
        self.from + step as i64 * STEP
    }

    /// The hours in which a gateway was restarted.
    pub(super) fn raw_hours(&self, restarts: &Samples) -> Vec<RawHour> {
        let mut hours = Vec::new();
        for series in &restarts.series {
            let values = self.values_at_steps(series);
            for (step, value) in values.iter().enumerate().skip(1) {
                if value.is_some() {
                    let instance = instance_of(&series.labels);
                    hours.push(RawHour { instance, step, to: self.time_of(step) });
                }
            }
        }
        hours
    }
}

impl RawHour {
    /// The expression for all samples of the hour.
    pub(super) fn expression(&self) -> String {
        let (job, instance) = (quoted(&self.instance.0), quoted(&self.instance.1));
        format!(
            "{{__name__=~\"upshift_rule_standing_requests_total|upshift_transport_requests_total|\
             process_start_time_seconds\",job={job},instance={instance}}}[{STEP}s]"
        )
    }
}

/// A value of a label, quoted as PromQL does.
fn quoted(value: &str) -> String {
    // The escapes of JSON are among those of PromQL.
    serde_json::Value::from(value).to_string()
}

pub(super) fn instance_of(labels: &Labels) -> Instance {
    let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
    (label("job"), label("instance"))
}

/// The labels that the gateway gave, without those of the scrape.
pub(super) fn own_labels(mut labels: Labels) -> Labels {
    labels.retain(|name, _| ["rule", "verdict", "standing", "http", "tls"].contains(&&**name));
    labels
}
