//! `/metrics`: the counters of all cores, the rollout, the upstreams and the process. Everything is
//! read first, and written out after that.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::exposition::ExpositionFormat;
use crate::metric_registry::read_metrics;
use crate::shared::Shared;

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
