//! The Prometheus metrics of upstream endpoints. The cardinality of their labels is bounded by the
//! endpoints in the policy file.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::endpoint_health::{EndpointFailure, EndpointHealth};
use super::health::UpstreamHealth;

type EndpointLabels = Vec<(&'static str, String)>;

/// The metric families that each endpoint has a series in.
struct EndpointFamilies {
    available: Family<EndpointLabels, Gauge<f64, AtomicU64>>,
    failures: Family<EndpointLabels, Counter>,
    ejections: Family<EndpointLabels, Counter>,
    retries: Family<EndpointLabels, Counter>,
    checks: Family<EndpointLabels, Counter>,
}

/// Adds the series of `upstreams` to `registry`. Series without events are there, at 0, so that
/// `rate()` sees the first one.
pub(crate) fn register_upstreams(registry: &mut Registry, upstreams: &[Arc<UpstreamHealth>]) {
    let families = EndpointFamilies::register_in(registry);
    for upstream in upstreams {
        for endpoint in &upstream.endpoints {
            families.add_endpoint(endpoint, upstream.check.is_some());
        }
    }
}

impl EndpointFamilies {
    fn register_in(registry: &mut Registry) -> Self {
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
            "1 for a healthy upstream endpoint, 0 for one that is ejected or fails its health checks",
            available.clone(),
        );
        registry.register(
            "upstream_endpoint_failures",
            "Requests that an upstream endpoint failed, by cause",
            failures.clone(),
        );
        registry.register(
            "upstream_endpoint_ejections",
            "Ejections of an upstream endpoint because of failed requests",
            ejections.clone(),
        );
        registry.register(
            "upstream_endpoint_retries",
            "Requests that were sent again because an upstream endpoint failed them",
            retries.clone(),
        );
        registry.register(
            "upstream_health_checks",
            "Health checks of an upstream endpoint, by outcome",
            checks.clone(),
        );
        families
    }

    fn add_endpoint(&self, endpoint: &EndpointHealth, is_checked: bool) {
        let totals = &endpoint.totals;
        let available = if endpoint.is_available() { 1.0 } else { 0.0 };
        self.available.get_or_create(&endpoint_labels(endpoint)).set(available);
        for failure in EndpointFailure::ALL {
            let failure_labels = labels_with(endpoint, "cause", failure.cause());
            self.failures.get_or_create(&failure_labels).inc_by(totals.failure_count(failure));
        }
        self.ejections
            .get_or_create(&endpoint_labels(endpoint))
            .inc_by(totals.ejections.load(Relaxed));
        self.retries.get_or_create(&endpoint_labels(endpoint)).inc_by(totals.retries.load(Relaxed));
        if is_checked {
            for (outcome, count) in
                [("passed", &totals.checks_passed), ("failed", &totals.checks_failed)]
            {
                let labels = labels_with(endpoint, "outcome", outcome);
                self.checks.get_or_create(&labels).inc_by(count.load(Relaxed));
            }
        }
    }
}

fn endpoint_labels(endpoint: &EndpointHealth) -> EndpointLabels {
    vec![("endpoint", endpoint.name.clone())]
}

fn labels_with(endpoint: &EndpointHealth, name: &'static str, value: &str) -> EndpointLabels {
    vec![("endpoint", endpoint.name.clone()), (name, value.to_owned())]
}
