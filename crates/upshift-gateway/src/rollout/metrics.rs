//! The metrics of the rollout. The policy file bounds their labels: rules, phases and exemptions.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;
use upshift_adoption::breaker::BreakerReading;
use upshift_core::policy::{Actor, Rule};
use upshift_core::{Phase, Policy, Timestamp};

use super::Control;
use super::control_state::SeenCallers;
use crate::telemetry::families::{FamilyHead, FamilyWriter, Labels};
use crate::telemetry::metrics::MOST_RULES_AT_ZERO;

/// The state of the rollout at the time of a scrape.
#[derive(Debug)]
pub(crate) struct RolloutMetrics {
    /// The effective policy.
    policy: Arc<Policy>,
    now: Timestamp,
    seen_by_rule: BTreeMap<String, SeenCallers>,
    readings: HashMap<Arc<str>, BreakerReading>,
    unsaved: u64,
    usage: UsageReading,
}

/// The state of the recording of usage.
#[derive(Debug)]
struct UsageReading {
    failing: bool,
    lost_rows: u64,
    dropped_batches: u64,
}

impl Control {
    /// The metrics at `now`, under the effective `policy`.
    pub(crate) fn metrics(&self, policy: Arc<Policy>, now: Timestamp) -> RolloutMetrics {
        let state = self.state();
        let mut readings = HashMap::new();
        for reading in state.breaker.readings(now) {
            readings.insert(Arc::clone(&reading.rule), reading);
        }
        RolloutMetrics {
            policy,
            now,
            seen_by_rule: state.seen_by_rule.clone(),
            readings,
            unsaved: state.store.unsaved(),
            usage: UsageReading {
                failing: state.store.usage_status().is_failing(),
                lost_rows: state.store.usage_status().lost(),
                dropped_batches: self.usage.dropped(),
            },
        }
    }
}

impl Collector for RolloutMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut writer = FamilyWriter::new(encoder);
        self.write_phases(&mut writer)?;
        self.write_dates(&mut writer)?;
        self.write_seen(&mut writer)?;
        self.write_breakers(&mut writer)?;
        self.write_breaker_windows(&mut writer)?;
        self.write_exemptions(&mut writer)?;
        let unsaved =
            FamilyHead::new("changes_unsaved", "Changes in force that a restart would forget");
        writer.write_gauge(&unsaved, self.unsaved)?;
        self.write_usage(&mut writer)
    }
}

impl RolloutMetrics {
    fn write_phases(&self, writer: &mut FamilyWriter<'_>) -> fmt::Result {
        let (mut phases, mut shares, mut overridden) = (Vec::new(), Vec::new(), Vec::new());
        for rule in self.policy.rules() {
            let state = rule.rollout_state(self.now);
            phases.push(([("rule", &*rule.id), ("phase", state.phase.as_str())], 1_u64));
            if self.has_all_series(rule) {
                shares.push((rule_labels(rule), state.share.fraction()));
            }
            if let Some(set) = rule.overridden() {
                overridden.push(([("rule", &*rule.id), ("by", actor_kind(&set.by))], 1_u64));
            }
        }
        let phase = FamilyHead::new("rule_phase", "1 for the phase that a rule is in");
        writer.write_gauges(&phase, phases)?;
        let share = FamilyHead::new(
            "rule_rollout_ratio",
            "The share of callers that the rule's phase enforces for",
        );
        writer.write_gauges(&share, shares)?;
        let by = FamilyHead::new(
            "rule_override",
            "1 if a person, the breaker or the command line overrides a rule",
        );
        writer.write_gauges(&by, overridden)
    }

    /// Writes the dates of the policy file, whether or not an override or a pinned phase stands over
    /// them.
    fn write_dates(&self, writer: &mut FamilyWriter<'_>) -> fmt::Result {
        let mut starts = Vec::new();
        for rule in self.policy.rules() {
            let Some(rollout) = &rule.rollout else { continue };
            if !self.has_all_series(rule) {
                continue;
            }
            for phase in Phase::PLANNED {
                if let Some(start) = rollout.next_start(phase, self.now) {
                    let labels = [("rule", &*rule.id), ("phase", phase.as_str())];
                    starts.push((labels, start.as_second() as f64));
                }
            }
        }
        let start = FamilyHead::new(
            "rule_phase_start_timestamp",
            "The next time at which a phase of a rule begins by the policy file, or else the last one",
        );
        writer.write_gauges(&start.with_unit(Unit::Seconds), starts)
    }

    fn write_seen(&self, writer: &mut FamilyWriter<'_>) -> fmt::Result {
        let (mut compliant, mut unnamed, mut trips) = (Vec::new(), Vec::new(), 0);
        for rule in self.policy.rules() {
            if self.has_all_series(rule) {
                let seen = self.seen_callers(rule).unwrap_or_default();
                compliant.push((rule_labels(rule), seen.compliant));
                unnamed.push((rule_labels(rule), seen.unnamed));
            }
        }
        for seen in self.seen_by_rule.values() {
            trips += seen.trips;
        }
        let target = FamilyHead::new(
            "rule_target_seen",
            "Requests that met the version that a rule requires",
        );
        writer.write_counters(&target, compliant)?;
        let without_identity = FamilyHead::new(
            "ramp_without_identity",
            "Requests that a ramp passed over because they had no identity",
        );
        writer.write_counters(&without_identity, unnamed)?;
        let all_trips = FamilyHead::new("breaker_trips", "Trips of breakers on this gateway");
        writer.write_counter(&all_trips, trips)
    }

    fn write_breakers(&self, writer: &mut FamilyWriter<'_>) -> fmt::Result {
        let (mut tripped, mut withheld) = (Vec::new(), Vec::new());
        for (rule, reading) in self.rule_readings() {
            tripped.push((rule_labels(rule), u64::from(reading.tripped)));
            withheld.push((rule_labels(rule), reading.withheld));
        }
        let state = FamilyHead::new("breaker_tripped", "1 while the breaker holds a rule at warn");
        writer.write_gauges(&state, tripped)?;
        let crossings = FamilyHead::new(
            "breaker_withheld",
            "Crossings that did not trip because of one network",
        );
        writer.write_counters(&crossings, withheld)
    }

    fn write_breaker_windows(&self, writer: &mut FamilyWriter<'_>) -> fmt::Result {
        let (mut seen, mut refused, mut concentrations) = (Vec::new(), Vec::new(), Vec::new());
        for (rule, reading) in self.rule_readings() {
            seen.push((rule_labels(rule), reading.seen));
            refused.push((rule_labels(rule), reading.refused));
            concentrations.push((rule_labels(rule), reading.concentration));
        }
        let callers =
            FamilyHead::new("breaker_identities_seen", "Different callers in the breaker's window");
        writer.write_gauges(&callers, seen)?;
        let refused_callers = FamilyHead::new(
            "breaker_identities_refused",
            "Different refused callers in the breaker's window",
        );
        writer.write_gauges(&refused_callers, refused)?;
        let concentration = FamilyHead::new(
            "breaker_concentration_ratio",
            "The share of the refused callers that come from one network",
        );
        writer.write_gauges(&concentration, concentrations)
    }

    fn write_usage(&self, writer: &mut FamilyWriter<'_>) -> fmt::Result {
        let UsageReading { failing, lost_rows, dropped_batches } = self.usage;
        let state =
            FamilyHead::new("usage_write_failing", "1 while usage cannot be written to the store");
        writer.write_gauge(&state, u64::from(failing))?;
        let rows = FamilyHead::new(
            "usage_rows_lost",
            "Rows of usage that were lost because they could not be written for too long",
        );
        writer.write_counter(&rows, lost_rows)?;
        let batches = FamilyHead::new(
            "usage_batches_dropped",
            "Usage batches dropped because the merge queue was full",
        );
        writer.write_counter(&batches, dropped_batches)
    }

    fn write_exemptions(&self, writer: &mut FamilyWriter<'_>) -> fmt::Result {
        let mut ends = Vec::new();
        for exemption in self.policy.exemptions() {
            let labels = [("exemption", &*exemption.id), ("owner", &*exemption.owner)];
            ends.push((labels, exemption.expires.as_second() as f64));
        }
        let expires =
            FamilyHead::new("exemption_expires_timestamp", "The time at which an exemption ends");
        writer.write_gauges(&expires.with_unit(Unit::Seconds), ends)
    }

    /// Returns true if `rule` has series even if nothing has happened under it.
    fn has_all_series(&self, rule: &Rule) -> bool {
        self.policy.rules().len() <= MOST_RULES_AT_ZERO || self.seen_callers(rule).is_some()
    }

    fn seen_callers(&self, rule: &Rule) -> Option<SeenCallers> {
        self.seen_by_rule.get(&*rule.id).copied()
    }

    /// The rules that have a breaker, with its state.
    fn rule_readings(&self) -> Vec<(&Rule, &BreakerReading)> {
        let all = self.policy.rules().len() <= MOST_RULES_AT_ZERO;
        let mut found = Vec::new();
        for rule in self.policy.rules() {
            if let Some(reading) = self.readings.get(&*rule.id)
                && (all || has_happened(reading))
            {
                found.push((rule, reading));
            }
        }
        found
    }
}

/// Returns true if the breaker has seen a caller in its window, or a crossing.
fn has_happened(reading: &BreakerReading) -> bool {
    reading.tripped || reading.seen > 0 || reading.withheld > 0
}

fn rule_labels(rule: &Rule) -> Labels<'_, 1> {
    [("rule", &rule.id)]
}

/// The kind of an actor. Names of people are personal data, and would make a label unbounded.
fn actor_kind(by: &Actor) -> &'static str {
    match by {
        Actor::Breaker => "breaker",
        Actor::CommandLine => "command-line",
        Actor::Person(_) => "person",
    }
}
