//! `GET /api/evidence?from=&to=`: the evidence for a period.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use upshift_core::Timestamp;
use upshift_record::evidence::EvidenceReport;

use super::api_query::ApiQuery;
use super::problem::ApiProblem;
use super::query_time::read_time;
use super::store_report::report_of_store;
use crate::rollout::Control;

/// The query of `/api/evidence`: dates, or RFC 3339.
#[derive(Deserialize)]
pub(super) struct EvidenceQuery {
    /// Left out: the first record.
    from: Option<String>,
    /// Left out: now.
    to: Option<String>,
}

/// Serves `/api/evidence`.
pub(super) async fn report_evidence(
    State(control): State<Arc<Control>>,
    ApiQuery(query): ApiQuery<EvidenceQuery>,
) -> Result<Json<EvidenceReport>, ApiProblem> {
    let now = Timestamp::now();
    let from = read_time("from", query.from.as_deref())?;
    let to = read_time("to", query.to.as_deref())?.unwrap_or(now);
    if let Some(from) = from {
        if from >= now {
            return Err(ApiProblem::bad_request("`from` is in the future"));
        }
        if from >= to {
            return Err(ApiProblem::bad_request("the period is empty: `to` must be after `from`"));
        }
    }
    report_of_store("evidence", move || control.evidence((from, to), now)).await
}
