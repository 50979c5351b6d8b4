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
//! Who may: 1. with an admin token, whoever sends `Authorization: Bearer` with it. 2. Without one
//! (on a loopback address only), whoever reaches the listener by an address or as `localhost`, so
//! that no page in a browser gets here under a name of its own. 3. A change comes as
//! `application/json`, which no page of another origin can send: nothing here answers a CORS
//! preflight.
//!
//! A problem has a `code` that programs can go by: [`Problem`].

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::Json;
use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use upshift_adoption::UndoError;
use upshift_adoption::overrides::{Change, Imposed, Target};
use upshift_core::Timestamp;
use upshift_record::control::{ChangeReport, ChangeRequest, RuleChange};

use crate::rollout::report::{revision_report, trip_report};
use crate::rollout::{Changed, Control, ControlError, Wanted};

/// Who may use the API.
#[derive(Clone, Default)]
pub(crate) struct Access {
    /// The admin token of now; without one, local callers only.
    pub(crate) token: Arc<ArcSwapOption<String>>,
    /// Only this machine reaches the listener.
    pub(crate) local: bool,
}

/// `router`, for those who may use it.
pub(crate) fn guarded<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    access: Access,
) -> Router<S> {
    router.layer(from_fn_with_state(access, admit))
}

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

/// A refusal or a failure, as problem+json (RFC 9457).
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    /// What it is about, for programs: `unknown-rule`, `unknown-change`, `nothing-to-undo`,
    /// `already-undone`, `not-undoable`, `overtaken`, `rises`, `repeated`, `changed-meanwhile`,
    /// `too-late`.
    code: Option<&'static str>,
    /// The changes that were not confirmed.
    rules: Vec<RuleChange>,
}

type Answer<T> = Result<Json<T>, Problem>;
type Body<T> = Result<Json<T>, JsonRejection>;

async fn admit(State(access): State<Access>, request: Request, next: Next) -> Response {
    match access.refusal(request.headers()) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

impl Access {
    /// For callers on this machine, without a token.
    pub(crate) fn local() -> Self {
        Self { local: true, ..Self::default() }
    }

    /// Tells whether there is anyone who may use the API.
    pub(crate) fn is_open(&self) -> bool {
        self.local || self.token.load().is_some()
    }

    fn refusal(&self, headers: &HeaderMap) -> Option<Problem> {
        if !self.is_open() {
            let what = "the admin listener can be reached from other machines: set gateway.admin-token to use the API";
            return Some(Problem::new(StatusCode::FORBIDDEN, what));
        }
        let token = self.token.load();
        let Some(token) = token.as_deref() else {
            return (!is_local(headers)).then(|| {
                Problem::new(
                    StatusCode::FORBIDDEN,
                    "without an admin token, only an address or localhost may be asked",
                )
            });
        };
        let sent = headers
            .get(header::AUTHORIZATION)
            .map(header::HeaderValue::as_bytes)
            .unwrap_or_default();
        let bearer = match sent.split_at_checked(7) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token.trim_ascii(),
            _ => b"",
        };
        let equal: bool = bearer.ct_eq(token.as_bytes()).into();
        (!equal).then(|| {
            Problem::new(StatusCode::UNAUTHORIZED, "send the admin token: Authorization: Bearer …")
        })
    }
}

/// Tells whether `Host` is an address or `localhost`: a name that a page chose for itself (DNS
/// rebinding) is neither.
fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = upshift_core::Facts::host_of(host);
    host.eq_ignore_ascii_case("localhost")
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok()
}

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
        return Err(Problem::bad("`until` is over already"));
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

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), code: None, rules: Vec::new() }
    }

    /// The request is wrong.
    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        let (status, code) = match &error {
            ControlError::UnknownRule(_) => (StatusCode::NOT_FOUND, "unknown-rule"),
            ControlError::Undo(UndoError::Unknown(_)) => (StatusCode::NOT_FOUND, "unknown-change"),
            ControlError::Undo(UndoError::Nothing) => (StatusCode::CONFLICT, "nothing-to-undo"),
            ControlError::Undo(UndoError::AlreadyUndone { .. }) => {
                (StatusCode::CONFLICT, "already-undone")
            }
            ControlError::Undo(UndoError::Overtaken { .. }) => (StatusCode::CONFLICT, "overtaken"),
            ControlError::Undo(_) => (StatusCode::CONFLICT, "not-undoable"),
            ControlError::Rises { .. } => (StatusCode::CONFLICT, "rises"),
            ControlError::Repeated(_) => (StatusCode::CONFLICT, "repeated"),
            ControlError::Overtaken => (StatusCode::CONFLICT, "changed-meanwhile"),
            ControlError::TooLate(_) => (StatusCode::CONFLICT, "too-late"),
        };
        let detail = error.to_string();
        let rules = if let ControlError::Rises { rules, .. } = error { rules } else { Vec::new() };
        Self { status, detail, code: Some(code), rules }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = serde_json::json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or_default(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(code) = self.code {
            body["code"] = code.into();
        }
        if !self.rules.is_empty() {
            body["rules"] = serde_json::json!(self.rules);
        }
        let mut response = (self.status, body.to_string()).into_response();
        let fields = response.headers_mut();
        fields.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/problem+json"),
        );
        if self.status == StatusCode::UNAUTHORIZED {
            fields.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        response
    }
}
