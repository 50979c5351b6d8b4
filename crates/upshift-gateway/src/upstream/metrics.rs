//! The health of upstream endpoints, as Prometheus reads it. Labels are bounded by the policy file:
//! its endpoints.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::health::{EndpointHealth, Failure, UpstreamHealth};

type Labels = Vec<(&'static str, String)>;

/// The families that each endpoint has a series in.
struct Families {
    available: Family<Labels, Gauge<f64, AtomicU64>>,
    failures: Family<Labels, Counter>,
    ejections: Family<Labels, Counter>,
    retries: Family<Labels, Counter>,
    checks: Family<Labels, Counter>,
}

/// Adds the series of `upstreams` to `registry`. All of them exist from the start, at 0.
pub(crate) fn register(registry: &mut Registry, upstreams: &[Arc<UpstreamHealth>]) {
    let families = Families::registered(registry);
    for upstream in upstreams {
        for endpoint in &upstream.endpoints {
            families.add(endpoint, upstream.check.is_some());
        }
    }
}

impl Families {
    fn registered(registry: &mut Registry) -> Self {
        let families = Self {
            available: Family::default(),
            failures: Family::default(),
            ejections: Family::default(),
            retries: Family::default(),
            checks: Family::default(),
        };
        let Self { available, failures, ejections, retries, checks } = &families;
        registry.register(
            "upstream_endpoint_available",
            "1 for an upstream endpoint that is well, 0 for one that is ejected or fails its health checks",
            available.clone(),
        );
        registry.register(
            "upstream_endpoint_failures",
            "Requests that an upstream endpoint failed, by cause",
            failures.clone(),
        );
        registry.register(
            "upstream_endpoint_ejections",
            "Times that an upstream endpoint was ejected for failed requests",
            ejections.clone(),
        );
        registry.register(
            "upstream_endpoint_retries",
            "Requests that were sent once more because an upstream endpoint failed them",
            retries.clone(),
        );
        registry.register(
            "upstream_health_checks",
            "Health checks of an upstream endpoint, by outcome",
            checks.clone(),
        );
        families
    }

    fn add(&self, endpoint: &EndpointHealth, is_checked: bool) {
        let totals = &endpoint.totals;
        let available = if endpoint.is_available() { 1.0 } else { 0.0 };
        self.available.get_or_create(&labels(endpoint)).set(available);
        for failure in Failure::ALL {
            let labels = labelled(endpoint, "cause", failure.cause());
            self.failures.get_or_create(&labels).inc_by(totals.failures(failure));
        }
        self.ejections.get_or_create(&labels(endpoint)).inc_by(totals.ejections.load(Relaxed));
        self.retries.get_or_create(&labels(endpoint)).inc_by(totals.retries.load(Relaxed));
        if is_checked {
            for (outcome, count) in
                [("passed", &totals.checks_passed), ("failed", &totals.checks_failed)]
            {
                let labels = labelled(endpoint, "outcome", outcome);
                self.checks.get_or_create(&labels).inc_by(count.load(Relaxed));
            }
        }
    }
}

fn labels(endpoint: &EndpointHealth) -> Labels {
    vec![("endpoint", endpoint.name.clone())]
}

fn labelled(endpoint: &EndpointHealth, name: &'static str, value: &str) -> Labels {
    vec![("endpoint", endpoint.name.clone()), (name, value.to_owned())]
}
