//! The admin listener: a page that lists what is there, health, readiness, metrics, and what other
//! parts add to it.

pub(crate) mod listener;
pub(crate) mod rollout_api;

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};

use upshift_core::Timestamp;
use upshift_record::DecisionRecord;
use upshift_record::control::ExplainRequest;

use self::rollout_api::{Access, Problem};
use crate::exchange::explain::Question;
use crate::upstream;
use crate::worker::Shared;

/// What a person finds who opens the address that `serve` prints.
const PAGE: &str = include_str!("admin.html");

/// `/`, `/healthz`, `/readyz`, `/metrics`. With `local_only`, the metrics are for callers that name
/// this host by an address or as `localhost`: no page in a browser reads them under a name of its
/// own (DNS rebinding).
pub(crate) fn router(shared: Arc<Shared>, local_only: bool) -> Router {
    let metrics = Router::new().route("/metrics", get(metrics));
    let metrics = if local_only { rollout_api::guarded(metrics, Access::local()) } else { metrics };
    let probes =
        Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready));
    probes.route("/", get(|| async { Html(PAGE) })).merge(metrics).with_state(shared)
}

/// `/api/explain`: what would be decided here and now.
pub(crate) fn explaining(shared: Arc<Shared>) -> Router {
    Router::new().route("/api/explain", post(explain)).with_state(shared)
}

async fn explain(
    State(shared): State<Arc<Shared>>,
    body: Result<Json<ExplainRequest>, JsonRejection>,
) -> Result<Json<DecisionRecord>, Problem> {
    let Json(request) = body?;
    let question = Question::of(&request, Timestamp::now()).map_err(Problem::bad)?;
    let snapshot = shared.snapshot.load();
    Ok(Json(question.answer(&snapshot.policy, &snapshot.settings)))
}

/// Not ready once it was told to stop, so that load balancers turn elsewhere.
async fn ready(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    if shared.stopping.load(Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let snapshot = shared.snapshot.load();
    let mut further = shared.control.registry(Timestamp::now());
    upstream::metrics::register_upstreams(&mut further, &snapshot.upstream_health);
    let totals = shared.totals.lock().unwrap_or_else(PoisonError::into_inner);
    let text = totals.render(snapshot.policy.revision(), shared.access.dropped(), &further);
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}
