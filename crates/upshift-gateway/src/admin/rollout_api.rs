//! The admin API: the state of the rollout, and four verbs that change it.
//!
//! | method and path | request and response |
//! |---|---|
//! | `GET /api/plan` | the calendar: a list of [`upshift_record::PlanEntry`] |
//! | `GET /api/status` | [`upshift_record::control::RolloutStatus`] |
//! | `GET /api/revisions?limit=` | the changes, the newest first: a list of [`upshift_record::control::RevisionReport`] |
//! | `GET /api/trips?limit=` | the trips of the breaker, with the fingerprints of the callers that were hit |
//! | `GET /api/adoption?since=` | [`upshift_record::adoption::AdoptionReport`] |
//! | `GET /api/gateway` | [`upshift_record::gateway::GatewayStatus`] |
//! | `GET /api/evidence?from=&to=` | [`upshift_record::evidence::EvidenceReport`] |
//! | `POST /api/canary` | [`CanaryRequest`](upshift_record::canary::CanaryRequest) → [`upshift_record::canary::CanaryReport`] |
//! | `POST /api/pause`, `resume`, `set`, `undo` | [`ChangeRequest`] → [`ChangeReport`] |
//! | `POST /api/explain` | [`ExplainRequest`](upshift_record::control::ExplainRequest) → [`upshift_record::DecisionRecord`] |
//! | `POST /api/fingerprint` | `{"identity": "…"}` → `{"fingerprint": "…"}`, as `trips` shows it |
//!
//! [`auth`](super::auth) guards access. Changes have to be `application/json`, which a page of
//! another origin cannot send, because no CORS preflight is answered.
//!
//! Errors are problem+json with a `code` for programs: [`ApiProblem`].

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use upshift_adoption::overrides::{ChangeTarget, Imposed, RolloutChange};
use upshift_core::Timestamp;
use upshift_core::policy::SettablePhase;
use upshift_record::control::{ChangeReport, ChangeRequest};

use super::adoption_route::report_adoption;
use super::api_query::ApiQuery;
use super::canary_route::try_policy;
use super::evidence_route::report_evidence;
use super::problem::ApiProblem;
use super::query_time::read_time;
use crate::rollout::report::trip_report;
use crate::rollout::{ChangeCommand, ChangeOutcome, Control};

type ApiResult<T> = Result<Json<T>, ApiProblem>;
type JsonBody<T> = Result<Json<T>, JsonRejection>;

/// The routes below `/api`, without access control.
pub(crate) fn router(control: Arc<Control>) -> Router {
    Router::new()
        .route("/api/plan", get(show_plan))
        .route("/api/status", get(show_status))
        .route("/api/revisions", get(list_revisions))
        .route("/api/trips", get(list_trips))
        .route("/api/pause", post(pause_rules))
        .route("/api/resume", post(resume_rules))
        .route("/api/set", post(set_phase))
        .route("/api/undo", post(undo_change))
        .route("/api/fingerprint", post(show_fingerprint))
        .route("/api/adoption", get(report_adoption))
        .route("/api/evidence", get(report_evidence))
        .route("/api/canary", post(try_policy))
        .with_state(control)
}

async fn show_plan(State(control): State<Arc<Control>>) -> impl IntoResponse {
    let now = Timestamp::now();
    Json(upshift_record::plan_entries(&control.effective_policy(now), now))
}

async fn show_status(State(control): State<Arc<Control>>) -> impl IntoResponse {
    Json(control.status(Timestamp::now()))
}

#[derive(Deserialize)]
struct ListQuery {
    limit: Option<usize>,
}

impl ListQuery {
    fn limit(&self) -> usize {
        self.limit.unwrap_or(50).min(1_000)
    }
}

async fn list_revisions(
    State(control): State<Arc<Control>>,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> impl IntoResponse {
    Json(control.revisions(query.limit()))
}

async fn list_trips(
    State(control): State<Arc<Control>>,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> impl IntoResponse {
    let trips = control.trips(query.limit());
    // Reading the store must not keep the other routes waiting.
    let reading = tokio::task::spawn_blocking(move || control.refused_callers());
    let refused = reading.await.unwrap_or_default();
    let mut reports = Vec::with_capacity(trips.len());
    for trip in &trips {
        reports.push(trip_report(trip, &refused));
    }
    Json(reports)
}

async fn pause_rules(
    State(control): State<Arc<Control>>,
    body: JsonBody<ChangeRequest>,
) -> ApiResult<ChangeReport> {
    report_change(&control, Verb::Pause, body).await
}

async fn resume_rules(
    State(control): State<Arc<Control>>,
    body: JsonBody<ChangeRequest>,
) -> ApiResult<ChangeReport> {
    report_change(&control, Verb::Resume, body).await
}

async fn set_phase(
    State(control): State<Arc<Control>>,
    body: JsonBody<ChangeRequest>,
) -> ApiResult<ChangeReport> {
    report_change(&control, Verb::Set, body).await
}

async fn undo_change(
    State(control): State<Arc<Control>>,
    body: JsonBody<ChangeRequest>,
) -> ApiResult<ChangeReport> {
    report_change(&control, Verb::Undo, body).await
}

async fn report_change(
    control: &Control,
    verb: Verb,
    body: JsonBody<ChangeRequest>,
) -> ApiResult<ChangeReport> {
    let Json(request) = body?;
    let made = make_change(control, verb, request, None).await?;
    Ok(Json(made.report))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FingerprintRequest {
    identity: String,
}

async fn show_fingerprint(
    State(control): State<Arc<Control>>,
    body: JsonBody<FingerprintRequest>,
) -> ApiResult<impl Serialize> {
    let Json(FingerprintRequest { identity }) = body?;
    Ok(Json(serde_json::json!({ "fingerprint": control.fingerprint(&identity).to_string() })))
}

/// The verbs that change the rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verb {
    Pause,
    Resume,
    Set,
    Undo,
}

/// A change that was made or tried.
pub(super) struct MadeChange {
    pub(super) report: ChangeReport,
    /// The digest of its effect.
    pub(super) effect: String,
}

/// Makes a change, or tries it, and waits a short time for the store. With `effect`, it is made only
/// if its effect has this digest.
pub(super) async fn make_change(
    control: &Control,
    verb: Verb,
    request: ChangeRequest,
    effect: Option<String>,
) -> Result<MadeChange, ApiProblem> {
    check_request(&request)?;
    let change = match verb {
        Verb::Pause => RolloutChange::Pause(change_target(&request)?),
        Verb::Resume => RolloutChange::Resume(change_target(&request)?),
        Verb::Set => read_setting(&request)?,
        Verb::Undo => RolloutChange::Undo(request.undo.clone()),
    };
    let not_after = read_time("not_after", request.not_after.as_deref())?;
    let ChangeRequest { actor, reason, confirm, dry_run, change: id, after, .. } = request;
    let command =
        ChangeCommand { change, id, actor, reason, confirm, dry_run, after, not_after, effect };
    let outcome = control.make_change(&command, Timestamp::now())?;
    let ChangeOutcome { mut report, effect, pending_write } = outcome;
    if let Some(pending_write) = pending_write {
        report.warning = pending_write.outcome().await.err();
        report.kept = Some(report.warning.is_none());
    }
    Ok(MadeChange { report, effect })
}

fn check_request(request: &ChangeRequest) -> Result<(), ApiProblem> {
    let ChangeRequest { actor, reason, change, .. } = request;
    if actor.trim().is_empty() || actor.len() > 200 || reason.len() > 1_000 {
        return Err(ApiProblem::bad_request(
            "`actor` is required and has at most 200 bytes; `reason` has at most 1,000 bytes",
        ));
    }
    if let Some(id) = change
        && !ChangeRequest::is_id(id)
    {
        return Err(ApiProblem::bad_request(
            "`change` must be an id of 1 to 40 letters, digits and hyphens",
        ));
    }
    Ok(())
}

fn read_setting(request: &ChangeRequest) -> Result<RolloutChange, ApiProblem> {
    let Some(rule) = request.rule.clone() else {
        return Err(ApiProblem::bad_request("`rule` is missing"));
    };
    let Some(imposed) = request.phase.as_deref().and_then(Imposed::parse) else {
        let names = SettablePhase::all_names();
        return Err(ApiProblem::bad_request(format!("`phase` must be {names}")));
    };
    let until = read_time("until", request.until.as_deref())?;
    if let Some(until) = until
        && until <= Timestamp::now()
    {
        return Err(ApiProblem::bad_request("`until` is in the past"));
    }
    Ok(RolloutChange::Set { rule, imposed, until })
}

fn change_target(request: &ChangeRequest) -> Result<ChangeTarget, ApiProblem> {
    match (&request.rule, request.all) {
        (Some(rule), false) => Ok(ChangeTarget::Rule(rule.clone())),
        (None, true) => Ok(ChangeTarget::All),
        _ => Err(ApiProblem::bad_request("send either `rule` or `\"all\": true`")),
    }
}
