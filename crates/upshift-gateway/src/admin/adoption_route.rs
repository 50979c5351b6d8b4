//! `GET /api/adoption?since=`: the report of adoption, from a time on.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use upshift_core::Timestamp;
use upshift_record::adoption::AdoptionReport;

use super::api_query::ApiQuery;
use super::problem::ApiProblem;
use super::query_time::read_time;
use super::store_report::report_of_store;
use crate::rollout::Control;

/// The period of a report that names none: 30 days.
const USUAL_PERIOD: i64 = 30 * 86_400;

/// The query of `/api/adoption`.
#[derive(Deserialize)]
pub(super) struct AdoptionQuery {
    /// A date, or RFC 3339.
    since: Option<String>,
}

/// Serves `/api/adoption`.
pub(super) async fn report_adoption(
    State(control): State<Arc<Control>>,
    ApiQuery(query): ApiQuery<AdoptionQuery>,
) -> Result<Json<AdoptionReport>, ApiProblem> {
    let now = Timestamp::now();
    let from = period_start(query.since.as_deref(), now)?;
    report_of_store("adoption", move || control.adoption_report(from, now)).await
}

fn period_start(since: Option<&str>, now: Timestamp) -> Result<Timestamp, ApiProblem> {
    let Some(from) = read_time("since", since)? else {
        return Ok(Timestamp::from_second(now.as_second() - USUAL_PERIOD).unwrap_or(now));
    };
    if from > now {
        return Err(ApiProblem::bad_request("`since` is in the future"));
    }
    Ok(from)
}
