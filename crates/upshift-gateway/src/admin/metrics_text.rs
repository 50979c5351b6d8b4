//! `/metrics`: the counters of all cores, the rollout and the health of upstreams, in the
//! OpenMetrics text format.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use upshift_core::Timestamp;

use crate::shared::Shared;
use crate::upstream;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves `/metrics`.
pub(super) async fn serve_metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let generation = shared.generation.load();
    let mut registry = shared.control.metrics_registry(Timestamp::now());
    upstream::metrics::register_upstreams(&mut registry, &generation.upstream_health);
    let dropped = shared.access.dropped();
    let text = shared.totals().render(generation.policy.revision(), dropped, &registry);
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text)
}
