//! The verbs as forms, which work without script.
//!
//! 1. `POST /changes/preview` shows the dry run of a change, and a form that confirms it.
//! 2. `POST /changes` makes the change, if the dry run still holds; if not, it shows the new one.
//! 3. `GET /changes/{id}` shows a change that was made, and `GET /changes` the history.

use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use upshift_core::Timestamp;
use upshift_pages::changes::{ChangePage, HistoryPage};
use upshift_pages::confirm::ConfirmPage;
use upshift_record::control::ChangeRequest;

use super::change_form::{ChangeForm, read_form};
use super::error_page::ErrorPage;
use super::gate::Viewer;
use super::page_address::PageAddress;
use crate::admin::rollout_api::{MadeChange, Verb, make_change};
use crate::admin::sessions::Session;
use crate::rollout::{Control, random_id};

/// The changes that the history shows.
const SHOWN: usize = 100;

type PageResult = Result<Response, ErrorPage>;
type FormBody = Result<Form<ChangeForm>, FormRejection>;

/// Serves `POST /changes/preview`.
pub(super) async fn preview_change(
    State(control): State<Arc<Control>>,
    Extension(viewer): Extension<Viewer>,
    form: FormBody,
) -> PageResult {
    let form = read_form(form)?;
    let session = viewer.acting_session(&form.key)?;
    let request = form.to_request(session, Timestamp::now())?;
    Proposal { control: &control, session, verb: form.verb, request }.show(None).await
}

/// Serves `POST /changes`.
pub(super) async fn confirm_change(
    State(control): State<Arc<Control>>,
    Extension(viewer): Extension<Viewer>,
    form: FormBody,
) -> PageResult {
    let form = read_form(form)?;
    let session = viewer.acting_session(&form.key)?;
    let mut request = form.to_request(session, Timestamp::now())?;
    request.change = Some(form.change.clone());
    let proposal = Proposal { control: &control, session, verb: form.verb, request };
    let made = make_change(&control, form.verb, proposal.request.clone(), Some(form.effect));
    match made.await {
        // The rules became as asked after the dry run, and no change has the id of the form.
        Ok(made) if made.report.unchanged => proposal.show(None).await,
        Ok(_) => Ok(Redirect::to(&change_path(&form.change)).into_response()),
        Err(problem) => match problem.code() {
            // The browser sent the form twice.
            Some("repeated") => Ok(Redirect::to(&change_path(&form.change)).into_response()),
            Some("changed-meanwhile") => proposal.show(Some(CHANGED_MEANWHILE)).await,
            Some("rises") => proposal.show(Some(NOT_TICKED)).await,
            _ => Err(ErrorPage::of_refused_change(problem)),
        },
    }
}

const CHANGED_MEANWHILE: &str =
    "Nothing was changed, because this is no longer what you were shown. Look at it again.";
const NOT_TICKED: &str = "Nothing was changed. Tick the box if more callers are to be refused.";

/// Serves `GET /changes`.
pub(super) async fn show_history(
    State(control): State<Arc<Control>>,
    Extension(viewer): Extension<Viewer>,
) -> Response {
    let revisions = control.revisions(SHOWN);
    let page = HistoryPage { revisions: &revisions, viewer: viewer.page_viewer() };
    Html(page.render_html()).into_response()
}

/// Serves `GET /changes/{id}`.
pub(super) async fn show_change(
    State(control): State<Arc<Control>>,
    Extension(viewer): Extension<Viewer>,
    PageAddress(Path(id)): PageAddress<Path<String>>,
) -> PageResult {
    let Some(change) = control.find_revision(&id) else {
        let text = "No change has this id. It may have been made on another gateway.";
        return Err(ErrorPage::new(StatusCode::NOT_FOUND, "No such change", text));
    };
    let unsaved = control.status(Timestamp::now()).unsaved;
    let page = ChangePage { change: &change, unsaved, viewer: viewer.page_viewer() };
    Ok(Html(page.render_html()).into_response())
}

/// A change that is yet to be confirmed.
struct Proposal<'a> {
    control: &'a Control,
    session: &'a Session,
    verb: Verb,
    request: ChangeRequest,
}

impl Proposal<'_> {
    /// Shows what the change would do. With `notice`, it was to be made and was not.
    async fn show(self, notice: Option<&str>) -> PageResult {
        let Self { control, session, verb, mut request } = self;
        request.change = None;
        request.after = None;
        let trial = ChangeRequest { dry_run: true, ..request.clone() };
        let tried = make_change(control, verb, trial, None).await;
        let MadeChange { report, effect } = tried.map_err(ErrorPage::of_refused_change)?;
        if verb == Verb::Undo {
            // The latest change may be another one by the time this is confirmed.
            request.undo = report.undoes_change.clone();
        }
        let viewer = Viewer::Operator(session.clone());
        let page = ConfirmPage {
            viewer: viewer.page_viewer(),
            request: &request,
            report: &report,
            change: &random_id(),
            effect: &effect,
            notice,
        };
        let status = if notice.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
        Ok((status, Html(page.render_html())).into_response())
    }
}

/// The path of the page of a change.
fn change_path(id: &str) -> String {
    format!("/changes/{id}")
}
