//! `POST /api/canary`: the effect that another policy file would have on the callers of the last
//! minutes.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use upshift_core::Timestamp;
use upshift_record::canary::{CanaryReport, CanaryRequest};

use super::problem::ApiProblem;
use crate::rollout::Control;

/// Serves `/api/canary`.
pub(super) async fn try_policy(
    State(control): State<Arc<Control>>,
    body: Result<Json<CanaryRequest>, JsonRejection>,
) -> Result<Json<CanaryReport>, ApiProblem> {
    let Json(CanaryRequest { policy }) = body?;
    let file = match upshift_config::load(&policy, "policy") {
        Ok(loaded) => loaded.file,
        Err(errors) => {
            let first = errors.first().map(|error| error.message.clone()).unwrap_or_default();
            let detail = format!("the policy is not valid: {first}");
            return Err(ApiProblem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
        }
    };
    // Thousands of requests are decided, which must not keep the other routes waiting.
    let trying = tokio::task::spawn_blocking(move || {
        control.try_file_policy(&file.policy, Timestamp::now())
    });
    trying.await.map(Json).map_err(|_| {
        let detail = "the policy could not be tried; the log says why";
        ApiProblem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    })
}
