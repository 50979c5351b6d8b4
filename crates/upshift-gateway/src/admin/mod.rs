//! The admin listener: the dashboard, health, readiness, metrics and the API.

mod adoption_route;
mod api_query;
pub(crate) mod auth;
mod canary_route;
mod cross_origin;
mod dashboard;
mod evidence_route;
mod explain_route;
mod exposition;
pub(crate) mod fleet_numbers;
mod gateway_route;
pub(crate) mod listener;
mod login_attempts;
mod metrics_route;
mod problem;
mod query_time;
pub(crate) mod rollout_api;
mod sessions;
mod store_report;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use self::auth::{AdminAccess, guarded};
use self::fleet_numbers::FleetNumbers;
use self::problem::ApiProblem;
use crate::shared::Shared;

/// All routes of the admin listener. `local` is true if only this machine can reach the listener.
/// With `fleet`, the dashboard has the numbers of a fleet.
pub(crate) fn router(
    shared: &Arc<Shared>,
    local: bool,
    fleet: Option<Arc<FleetNumbers>>,
) -> Router {
    let of_process = Router::new()
        .route("/api/explain", post(explain_route::explain_request))
        .route("/api/gateway", get(gateway_route::report_gateway))
        .with_state(Arc::clone(shared));
    // Below the access control, which comes first for every method.
    let api = rollout_api::router(Arc::clone(&shared.control))
        .merge(of_process)
        .method_not_allowed_fallback(report_wrong_method);
    let served = Arc::clone(shared);
    // Read at every request, so that a reload revokes a token that leaked.
    let token = move || served.generation.load().settings.admin_token.clone();
    let access = AdminAccess::with_token(Arc::new(token), local);
    if !access.is_possible() {
        tracing::warn!(
            "other machines can reach the admin listener and there is no admin token: /api and \
             the dashboard refuse every call"
        );
    }
    public_router(Arc::clone(shared), local)
        .merge(guarded(api, access.clone()))
        .merge(dashboard::router(shared, fleet, &access))
        .fallback(report_unknown_path)
}

/// Answers for a path that has no route: people read a page, and programs problem+json.
async fn report_unknown_path(uri: Uri) -> Response {
    let path = uri.path();
    if path == "/api" || path.starts_with("/api/") {
        let detail = format!("there is no {path}; docs/rollout.md describes the API");
        return ApiProblem::new(StatusCode::NOT_FOUND, detail).into_response();
    }
    dashboard::missing_page().await
}

/// Answers for a method that a route for programs does not have. The router adds `Allow`.
async fn report_wrong_method(method: Method, uri: Uri) -> ApiProblem {
    let detail = format!("{} has no {method}; the field Allow lists its methods", uri.path());
    ApiProblem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

/// `/healthz`, `/readyz` and `/metrics`, which need no token. With `local`, the metrics are
/// for callers that name this host by an address or as `localhost` (DNS rebinding).
fn public_router(shared: Arc<Shared>, local: bool) -> Router {
    let mut metrics = Router::new()
        .route("/metrics", get(metrics_route::serve_metrics))
        .method_not_allowed_fallback(report_wrong_method);
    if local {
        metrics = guarded(metrics, AdminAccess::for_local_callers());
    }
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(report_readiness))
        .method_not_allowed_fallback(report_wrong_method)
        .merge(metrics)
        .with_state(shared)
}

/// Reports "not ready" once the gateway is stopping, so that load balancers choose another one.
async fn report_readiness(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    if shared.stopping.load(Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}
