//! The admin API: how things stand, and four verbs to change them.
//!
//! | method and path | gives or does |
//! |---|---|
//! | `GET /api/plan` | the calendar: a list of [`upshift_record::PlanEntry`] |
//! | `GET /api/status` | [`upshift_record::control::Status`] |
//! | `GET /api/revisions?limit=` | who changed what and why, the newest first: a list of [`upshift_record::control::RevisionReport`] |
//! | `GET /api/trips?limit=` | the breaker's trips, and who was hit, hashed |
//! | `POST /api/pause`, `resume`, `set`, `undo` | [`ChangeRequest`] → [`ChangeReport`] |
//! | `POST /api/explain` | [`ExplainRequest`](upshift_record::control::ExplainRequest) → [`upshift_record::DecisionRecord`] |
//! | `POST /api/fingerprint` | `{"identity": "…"}` → `{"fingerprint": "…"}`, as `trips` shows it |
//!
//! Access is guarded by [`auth`](super::auth). A change comes as `application/json`, which no page
//! of another origin can send: no CORS preflight is answered.
//!
//! A problem has a `code` that programs can go by: [`Problem`].

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, State};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use upshift_adoption::overrides::{Change, Imposed, Target};
use upshift_core::Timestamp;
use upshift_record::control::{ChangeReport, ChangeRequest};

use super::problem::Problem;

use crate::rollout::report::{revision_report, trip_report};
use crate::rollout::{Changed, Control, Wanted};

/// The routes below `/api`, without a guard.
pub(crate) fn router(control: Arc<Control>) -> Router {
    Router::new()
        .route("/api/plan", get(plan))
        .route("/api/status", get(status))
        .route("/api/revisions", get(revisions))
        .route("/api/trips", get(trips))
        .route("/api/pause", post(pause))
        .route("/api/resume", post(resume))
        .route("/api/set", post(set))
        .route("/api/undo", post(undo))
        .route("/api/fingerprint", post(fingerprint))
        .with_state(control)
}

type Answer<T> = Result<Json<T>, Problem>;
type Body<T> = Result<Json<T>, JsonRejection>;

async fn plan(State(control): State<Arc<Control>>) -> impl IntoResponse {
    let now = Timestamp::now();
    Json(upshift_record::plan(&control.policy(now), now))
}

async fn status(State(control): State<Arc<Control>>) -> impl IntoResponse {
    Json(control.status(Timestamp::now()))
}

#[derive(Deserialize)]
struct Page {
    limit: Option<usize>,
}

impl Page {
    fn limit(&self) -> usize {
        self.limit.unwrap_or(50).min(1_000)
    }
}

async fn revisions(
    State(control): State<Arc<Control>>,
    Query(page): Query<Page>,
) -> impl IntoResponse {
    Json(control.revisions(page.limit()).iter().map(revision_report).collect::<Vec<_>>())
}

async fn trips(State(control): State<Arc<Control>>, Query(page): Query<Page>) -> impl IntoResponse {
    Json(control.trips(page.limit()).iter().map(trip_report).collect::<Vec<_>>())
}

async fn pause(
    State(control): State<Arc<Control>>,
    body: Body<ChangeRequest>,
) -> Answer<ChangeReport> {
    change(&control, body, |request| Ok(Change::Pause(target(request)?))).await
}

async fn resume(
    State(control): State<Arc<Control>>,
    body: Body<ChangeRequest>,
) -> Answer<ChangeReport> {
    change(&control, body, |request| Ok(Change::Resume(target(request)?))).await
}

async fn set(
    State(control): State<Arc<Control>>,
    body: Body<ChangeRequest>,
) -> Answer<ChangeReport> {
    change(&control, body, setting).await
}

async fn undo(
    State(control): State<Arc<Control>>,
    body: Body<ChangeRequest>,
) -> Answer<ChangeReport> {
    change(&control, body, |request| Ok(Change::Undo(request.undo.clone()))).await
}

fn setting(request: &ChangeRequest) -> Result<Change, Problem> {
    let rule = request.rule.clone().ok_or_else(|| Problem::bad("`rule` is missing"))?;
    let phase = request.phase.as_deref().and_then(Imposed::parse);
    let imposed = phase
        .ok_or_else(|| Problem::bad("`phase` is one of off, observe, warn, enforce, paused"))?;
    let until = time("until", request.until.as_deref())?;
    if until.is_some_and(|until| until <= Timestamp::now()) {
        return Err(Problem::bad("`until` is in the past"));
    }
    Ok(Change::Set { rule, imposed, until })
}

fn time(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let time = text.map(str::parse).transpose();
    time.map_err(|error: jiff::Error| Problem::bad(format!("`{name}` is no time: {error}")))
}

fn target(request: &ChangeRequest) -> Result<Target, Problem> {
    match (&request.rule, request.all) {
        (Some(rule), false) => Ok(Target::Rule(rule.clone())),
        (None, true) => Ok(Target::All),
        _ => Err(Problem::bad("either `rule` or `\"all\": true`")),
    }
}

async fn change(
    control: &Control,
    body: Body<ChangeRequest>,
    read: impl FnOnce(&ChangeRequest) -> Result<Change, Problem>,
) -> Answer<ChangeReport> {
    let Json(request) = body?;
    if request.actor.trim().is_empty() || request.actor.len() > 200 || request.reason.len() > 1_000
    {
        return Err(Problem::bad(
            "`actor` says who wants it in at most 200 bytes, `reason` why in at most 1,000",
        ));
    }
    if request.change.as_deref().is_some_and(|id| !ChangeRequest::is_id(id)) {
        return Err(Problem::bad("`change` is an id of 1 to 40 letters, digits and -"));
    }
    let change = read(&request)?;
    let not_after = time("not_after", request.not_after.as_deref())?;
    let ChangeRequest { actor, reason, confirm, dry_run, change: id, after, .. } = request;
    let wanted = Wanted { change, id, actor, reason, confirm, dry_run, after, not_after };
    let Changed { mut report, saving } = control.change(&wanted, Timestamp::now())?;
    if let Some(saving) = saving {
        report.warning = saving.outcome().await.err();
        report.kept = Some(report.warning.is_none());
    }
    Ok(Json(report))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    identity: String,
}

async fn fingerprint(
    State(control): State<Arc<Control>>,
    body: Body<Identity>,
) -> Answer<impl Serialize> {
    let Json(Identity { identity }) = body?;
    Ok(Json(serde_json::json!({ "fingerprint": control.fingerprint(&identity).to_string() })))
}
