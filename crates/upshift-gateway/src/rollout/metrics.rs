//! The rollout's metrics. The policy file bounds their labels: rules, phases and exemptions.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use upshift_core::Timestamp;
use upshift_record::control::{RolloutStatus, RuleStatus};

use super::Control;

type RuleLabels = Vec<(&'static str, String)>;
type Gauges = Family<RuleLabels, Gauge<f64, AtomicU64>>;

impl Control {
    /// The metrics at `now`, in a registry of their own.
    pub(crate) fn metrics_registry(&self, now: Timestamp) -> Registry {
        let status = self.status(now);
        let mut registry = Registry::with_prefix("upshift");
        register_rules(&mut registry, &status);
        register_breakers(&mut registry, &status);
        let expires = register_gauges(
            &mut registry,
            "exemption_expires_timestamp_seconds",
            "The end of an exemption",
        );
        for exemption in self.effective_policy(now).exemptions() {
            let labels =
                vec![("exemption", exemption.id.to_string()), ("owner", exemption.owner.clone())];
            expires.get_or_create(&labels).set(exemption.expires.as_second() as f64);
        }
        let unsaved = Gauge::<u64, AtomicU64>::default();
        unsaved.set(status.unsaved);
        registry.register(
            "changes_unsaved",
            "Changes in force that a restart would forget",
            unsaved,
        );
        let trips: u64 = self.state().seen_by_rule.values().map(|seen| seen.trips).sum();
        registry.register(
            "breaker_trips",
            "Trips of breakers on this replica",
            ConstCounter::new(trips),
        );
        registry
    }
}

fn register_rules(registry: &mut Registry, status: &RolloutStatus) {
    let phase = register_gauges(registry, "rule_phase", "1 for the phase that a rule is in");
    let share = register_gauges(
        registry,
        "rule_refused_ratio",
        "The share of callers that the rule's phase refuses",
    );
    let overridden = register_gauges(
        registry,
        "rule_override",
        "1 if a person, the breaker or the command line overrides a rule",
    );
    let target = register_gauges(
        registry,
        "rule_target_seen",
        "Requests that met the version that a rollout requires",
    );
    let unnamed = register_gauges(
        registry,
        "ramp_without_identity",
        "Requests that a ramp passed over because they had no identity",
    );
    for rule in &status.rules {
        let labels = rule_labels(&rule.rule);
        let phase_labels = with_label(&labels, "phase", &rule.phase);
        phase.get_or_create(&phase_labels).set(1.0);
        share.get_or_create(&labels).set(rule.share);
        if let Some(by) = &rule.set_by {
            overridden.get_or_create(&with_label(&labels, "by", actor_kind(by))).set(1.0);
        }
        target.get_or_create(&labels).set(rule.target_seen as f64);
        unnamed.get_or_create(&labels).set(rule.without_identity as f64);
    }
}

fn register_breakers(registry: &mut Registry, status: &RolloutStatus) {
    let tripped =
        register_gauges(registry, "breaker_tripped", "1 while the breaker holds a rule at warn");
    let seen = register_gauges(
        registry,
        "breaker_identities_seen",
        "Different callers in the breaker's window",
    );
    let refused = register_gauges(
        registry,
        "breaker_identities_refused",
        "Different refused callers in the breaker's window",
    );
    let concentration = register_gauges(
        registry,
        "breaker_concentration",
        "The share of the refused callers that come from one network",
    );
    let withheld = register_gauges(
        registry,
        "breaker_withheld",
        "Crossings since the start that one network alone caused, and that did not trip",
    );
    for RuleStatus { rule, breaker, .. } in &status.rules {
        let Some(breaker) = breaker else { continue };
        let labels = rule_labels(rule);
        let is_tripped = breaker.state == "tripped";
        tripped.get_or_create(&labels).set(if is_tripped { 1.0 } else { 0.0 });
        seen.get_or_create(&labels).set(breaker.seen as f64);
        refused.get_or_create(&labels).set(breaker.refused as f64);
        concentration.get_or_create(&labels).set(breaker.concentration);
        withheld.get_or_create(&labels).set(breaker.withheld as f64);
    }
}

fn register_gauges(registry: &mut Registry, name: &str, help: &str) -> Gauges {
    let gauges = Gauges::default();
    registry.register(name, help, gauges.clone());
    gauges
}

fn rule_labels(rule: &str) -> RuleLabels {
    vec![("rule", rule.to_owned())]
}

fn with_label(labels: &RuleLabels, name: &'static str, value: &str) -> RuleLabels {
    let mut extended = labels.clone();
    extended.push((name, value.to_owned()));
    extended
}

/// The kind of an actor. Names of people are personal data, and would make a label unbounded.
fn actor_kind(by: &str) -> &'static str {
    match by {
        "breaker" => "breaker",
        "command line" => "command-line",
        _ => "person",
    }
}
