//! All metrics, read at one time. Each lock is held for as long as it takes to copy what it guards:
//! no core waits for a scrape or an export.

use std::sync::Arc;

use prometheus_client::registry::Registry;
use upshift_core::Timestamp;

use crate::shared::Shared;
use crate::telemetry::durations::DurationMetrics;
use crate::telemetry::metrics::TotalMetrics;
use crate::telemetry::process::ProcessMetrics;
use crate::tls::metrics::CertificateMetrics;
use crate::upstream::metrics::{UpstreamMetrics, endpoint_names};

/// Reads all metrics. The durations are apart, because not every format encodes them alike.
pub(crate) fn read_metrics(shared: &Shared) -> (Registry, DurationMetrics) {
    let generation = shared.generation.load();
    let policy = &generation.policy;
    let names = endpoint_names(&generation.upstream_health);
    let totals = shared.totals().clone();
    let durations = totals.durations(&names);
    let total_metrics = TotalMetrics {
        totals,
        policy: Arc::clone(policy),
        access_dropped: shared.access.dropped(),
        spans_dropped: shared.losses.spans(),
        export_failures: shared.losses.failures(),
    };
    let rollout = shared.control.metrics(Arc::clone(policy), Timestamp::now());
    let upstreams = UpstreamMetrics::read(&generation.upstream_health);
    let certificates = CertificateMetrics::read(&generation.settings, &generation.files);
    let mut registry = Registry::default();
    registry.register_collector(Box::new(ProcessMetrics::read()));
    let ours = registry.sub_registry_with_prefix("upshift");
    ours.register_collector(Box::new(total_metrics));
    ours.register_collector(Box::new(rollout));
    ours.register_collector(Box::new(upstreams));
    ours.register_collector(Box::new(certificates));
    (registry, durations)
}
