//! How things stand, as Prometheus reads it. Labels are bounded by the policy file: rules, phases,
//! exemptions.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use upshift_core::Timestamp;
use upshift_record::control::{RuleStatus, Status};

use super::Control;

type Labels = Vec<(&'static str, String)>;
type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;

impl Control {
    /// The metrics of now.
    pub(crate) fn registry(&self, now: Timestamp) -> Registry {
        let status = self.status(now);
        let mut registry = Registry::with_prefix("upshift");
        rules(&mut registry, &status);
        breakers(&mut registry, &status);
        let expires =
            family(&mut registry, "exemption_expires_timestamp_seconds", "When an exemption ends");
        for exemption in self.policy(now).exemptions() {
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
        let trips: u64 = self.state().sightings.values().map(|seen| seen.trips).sum();
        registry.register(
            "breaker_trips",
            "Trips of breakers on this replica",
            ConstCounter::new(trips),
        );
        registry
    }
}

fn rules(registry: &mut Registry, status: &Status) {
    let phase = family(registry, "rule_phase", "1 for the phase that a rule is in");
    let share = family(
        registry,
        "rule_refused_ratio",
        "The share of callers that the rule's phase refuses",
    );
    let held = family(
        registry,
        "rule_override",
        "1 where a person, the breaker or the command line holds a rule",
    );
    let target = family(
        registry,
        "rule_target_seen",
        "Requests that met the version that a rollout requires",
    );
    let unnamed = family(
        registry,
        "ramp_without_identity",
        "Requests that a ramp passed over for want of an identity",
    );
    for rule in &status.rules {
        let id = || vec![("rule", rule.rule.clone())];
        phase.get_or_create(&with(id(), "phase", &rule.phase)).set(1.0);
        share.get_or_create(&id()).set(rule.share);
        if let Some(by) = &rule.set_by {
            held.get_or_create(&with(id(), "by", kind_of_actor(by))).set(1.0);
        }
        target.get_or_create(&id()).set(rule.target_seen as f64);
        unnamed.get_or_create(&id()).set(rule.without_identity as f64);
    }
}

fn breakers(registry: &mut Registry, status: &Status) {
    let tripped = family(registry, "breaker_tripped", "1 while the breaker holds a rule at warn");
    let seen =
        family(registry, "breaker_identities_seen", "Different callers in the breaker's window");
    let refused = family(
        registry,
        "breaker_identities_refused",
        "Different refused callers in the breaker's window",
    );
    let concentration = family(
        registry,
        "breaker_concentration",
        "The share of the refused callers that come from one network",
    );
    let withheld = family(
        registry,
        "breaker_withheld",
        "Crossings since the start that one network alone made, and that did not trip",
    );
    for RuleStatus { rule, breaker, .. } in &status.rules {
        let Some(breaker) = breaker else { continue };
        let id = || vec![("rule", rule.clone())];
        tripped.get_or_create(&id()).set(if breaker.state == "tripped" { 1.0 } else { 0.0 });
        seen.get_or_create(&id()).set(breaker.seen as f64);
        refused.get_or_create(&id()).set(breaker.refused as f64);
        concentration.get_or_create(&id()).set(breaker.concentration);
        withheld.get_or_create(&id()).set(breaker.withheld as f64);
    }
}

fn family(registry: &mut Registry, name: &str, help: &str) -> Gauges {
    let family = Gauges::default();
    registry.register(name, help, family.clone());
    family
}

fn with(mut labels: Labels, name: &'static str, value: &str) -> Labels {
    labels.push((name, value.to_owned()));
    labels
}

/// Names of people are no labels.
fn kind_of_actor(by: &str) -> &'static str {
    match by {
        "breaker" => "breaker",
        "command line" => "command-line",
        _ => "person",
    }
}
