//! Access control of the dashboard.
//!
//! | `gateway.admin-token` | pages | verbs |
//! |---|---|---|
//! | set | after logging in, or with `Authorization: Bearer` | after logging in, from forms with the key of the session |
//! | not set, and only this machine can reach the listener | under an address or `localhost` | never |
//! | not set, and others can reach it | never | never |
//!
//! A request that a page of another origin makes a browser send is refused if it may change
//! something.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use subtle::ConstantTimeEq as _;
use upshift_pages::link::login_path;
use upshift_pages::viewer::PageViewer;

use super::error_page::ErrorPage;
use super::events::EVENTS_PATH;
use crate::admin::auth::{AdminAccess, Caller};
use crate::admin::cross_origin::is_forged;
use crate::admin::problem::ApiProblem;
use crate::admin::sessions::Session;

/// The reader of a page.
#[derive(Clone)]
pub(super) enum Viewer {
    /// May read only.
    Reader,
    /// Logged in, and may act.
    Operator(Session),
}

impl Viewer {
    /// The reader, as pages show it.
    pub(super) fn page_viewer(&self) -> PageViewer<'_> {
        match self {
            Self::Reader => PageViewer::Reader,
            Self::Operator(session) => {
                PageViewer::Operator { key: &session.form_key, user: &session.user }
            }
        }
    }

    /// The session, if the reader may act.
    ///
    /// # Errors
    /// A page that says how to get one.
    pub(super) fn session(&self) -> Result<&Session, ErrorPage> {
        match self {
            Self::Operator(session) => Ok(session),
            Self::Reader => Err(ErrorPage::new(
                StatusCode::FORBIDDEN,
                "Read only",
                "Set gateway.admin-token and log in to act from here.",
            )),
        }
    }

    /// The session, if the reader may act and `form_key` is its key.
    ///
    /// # Errors
    /// A page that says what to do.
    pub(super) fn acting_session(&self, form_key: &str) -> Result<&Session, ErrorPage> {
        let session = self.session()?;
        let is_equal: bool = session.form_key.as_bytes().ct_eq(form_key.as_bytes()).into();
        if is_equal {
            return Ok(session);
        }
        Err(ErrorPage::new(
            StatusCode::FORBIDDEN,
            "This form is out of date",
            "It belongs to another session. Nothing was changed. Go back, reload the page, and \
             send the form again.",
        ))
    }
}

/// Lets a request pass that may see the dashboard, with its [`Viewer`].
pub(super) async fn check_viewer(
    State(access): State<AdminAccess>,
    mut request: Request,
    next: Next,
) -> Response {
    if is_forged(request.method(), request.headers()) {
        return forged_page().into_response();
    }
    let viewer = match access.identify(request.headers()) {
        Caller::Local | Caller::Bearer => Viewer::Reader,
        Caller::LoggedIn(session) => Viewer::Operator(session),
        Caller::Refused(problem) => return ErrorPage::from(problem).into_response(),
        Caller::Unknown => return login_response(&request),
    };
    request.extensions_mut().insert(viewer);
    next.run(request).await
}

/// Refuses forms of other origins, and names of this host that a web page chose.
pub(super) async fn check_origin(
    State(access): State<AdminAccess>,
    request: Request,
    next: Next,
) -> Response {
    if is_forged(request.method(), request.headers()) {
        return forged_page().into_response();
    }
    match access.identify(request.headers()) {
        Caller::Refused(problem) => ErrorPage::from(problem).into_response(),
        _ => next.run(request).await,
    }
}

/// The response to a request without a session.
fn login_response(request: &Request) -> Response {
    if !request.method().is_safe() {
        let page = ErrorPage::new(
            StatusCode::FORBIDDEN,
            "Your session has ended",
            "Nothing was changed. Log in, and send the form again.",
        );
        return page.into_response();
    }
    // A script reads it, which a login page would not help.
    if request.uri().path() == EVENTS_PATH {
        let detail = "log in at /login, or send the admin token of the policy file \
                      (gateway.admin-token) in the field `Authorization: Bearer TOKEN`";
        return ApiProblem::new(StatusCode::UNAUTHORIZED, detail).into_response();
    }
    let page = match request.uri().path_and_query() {
        Some(page) => page.as_str(),
        None => request.uri().path(),
    };
    Redirect::to(&login_path(page)).into_response()
}

fn forged_page() -> ErrorPage {
    ErrorPage::new(
        StatusCode::FORBIDDEN,
        "This request comes from another site",
        "Nothing was changed. Only pages of this listener may send forms to it. If a proxy is in \
         front of it, the proxy must pass the Host field on unchanged.",
    )
}
