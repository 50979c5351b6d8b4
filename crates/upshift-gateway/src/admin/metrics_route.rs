//! `/metrics`: the counters of all cores, the rollout, the upstreams and the process.
//!
//! Everything is read first, with each lock held for as long as it takes to copy what it guards, and
//! written out after that: no core waits for a scrape.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::registry::Registry;
use upshift_core::Timestamp;

use super::exposition::ExpositionFormat;
use crate::shared::Shared;
use crate::telemetry::durations::DurationMetrics;
use crate::telemetry::metrics::TotalMetrics;
use crate::telemetry::process::ProcessMetrics;
use crate::tls::metrics::CertificateMetrics;
use crate::upstream::metrics::{UpstreamMetrics, endpoint_names};

/// Serves `/metrics` in the format that the client prefers.
pub(super) async fn serve_metrics(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Response {
    let format = ExpositionFormat::negotiate(&headers);
    let (registry, durations) = read_metrics(&shared);
    match format.encode(registry, durations) {
        Ok(body) => {
            let content_type = HeaderValue::from_static(format.content_type());
            let vary = HeaderValue::from_static("accept");
            ([(header::CONTENT_TYPE, content_type), (header::VARY, vary)], body).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be encoded");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn read_metrics(shared: &Shared) -> (Registry, DurationMetrics) {
    let generation = shared.generation.load();
    let policy = &generation.policy;
    let names = endpoint_names(&generation.upstream_health);
    let totals = shared.totals().clone();
    let durations = totals.durations(&names);
    let total_metrics = TotalMetrics {
        totals,
        policy: Arc::clone(policy),
        access_dropped: shared.access.dropped(),
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
