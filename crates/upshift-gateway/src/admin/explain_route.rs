//! `POST /api/explain`: the decision on a described request, under the policy in force.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use upshift_core::Timestamp;
use upshift_record::DecisionRecord;
use upshift_record::control::ExplainRequest;

use super::problem::ApiProblem;
use crate::exchange::explain::ExplainQuery;
use crate::shared::Shared;

/// Serves `/api/explain`.
pub(super) async fn explain_request(
    State(shared): State<Arc<Shared>>,
    body: Result<Json<ExplainRequest>, JsonRejection>,
) -> Result<Json<DecisionRecord>, ApiProblem> {
    let Json(request) = body?;
    let query =
        ExplainQuery::from_request(&request, Timestamp::now()).map_err(ApiProblem::bad_request)?;
    let generation = shared.generation.load();
    let listeners = &shared.listeners;
    Ok(Json(query.answer_at(&generation.policy, &generation.settings, listeners)))
}
