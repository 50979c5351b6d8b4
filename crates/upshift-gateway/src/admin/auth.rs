//! Access control of the admin listener.
//!
//! 1. With an admin token, programs send it as `Authorization: Bearer`, and browsers log in with it.
//!    A session reads everything, and changes nothing through `/api`.
//! 2. Without one, on a loopback address only, `Host` has to be an address or `localhost`: a web
//!    page that reached this host under a name of its own (DNS rebinding) is refused.
//! 3. A request that a page of another origin makes a browser send changes nothing.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq as _;

use super::cross_origin::is_forged;
use super::problem::ApiProblem;
use super::sessions::{Session, Sessions};

/// Reads the admin token in force, which a reload may change.
pub(crate) type TokenSource = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// The callers that may use a route.
#[derive(Clone)]
pub(crate) struct AdminAccess {
    token: TokenSource,
    /// Only this machine can reach the listener.
    local: bool,
    sessions: Arc<Sessions>,
}

/// The sender of a request, as far as access depends on it.
pub(crate) enum Caller {
    /// There is no token, and the caller is on this machine.
    Local,
    /// It knows the token.
    Bearer,
    /// A browser that logged in.
    LoggedIn(Session),
    /// There is a token, and the caller did not show it.
    Unknown,
    /// There is no token, and no access without one.
    Refused(ApiProblem),
}

/// Adds a check of `access` in front of `router`.
pub(crate) fn guarded<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    access: AdminAccess,
) -> Router<S> {
    router.layer(from_fn_with_state(access, check_access))
}

async fn check_access(State(access): State<AdminAccess>, request: Request, next: Next) -> Response {
    match access.refusal(&request) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

impl AdminAccess {
    /// Access with the admin token that `token` reads, or without one if only this machine can
    /// reach the listener (`local`).
    pub(crate) fn with_token(token: TokenSource, local: bool) -> Self {
        Self { token, local, sessions: Arc::default() }
    }

    /// Access for callers on this machine, without a token.
    pub(crate) fn for_local_callers() -> Self {
        Self::with_token(Arc::new(|| None), true)
    }

    /// Returns true if any caller at all may use the API.
    pub(crate) fn is_possible(&self) -> bool {
        self.local || (self.token)().is_some()
    }

    /// Returns true if there is a token, so that browsers can log in.
    pub(crate) fn has_token(&self) -> bool {
        (self.token)().is_some()
    }

    /// Opens a session for a user who knows the token, and returns its id; `None` if `guess` is not
    /// the token.
    pub(crate) fn log_in(&self, guess: &str, user: String) -> Option<String> {
        let token = (self.token)()?;
        if !is_token(guess.as_bytes(), &token) {
            return None;
        }
        self.sessions.open_session(&token, user)
    }

    /// Closes the session that the request belongs to.
    pub(crate) fn log_out(&self, headers: &HeaderMap) {
        self.sessions.close_session(headers);
    }

    /// Finds out who sends a request with these fields.
    pub(crate) fn identify(&self, headers: &HeaderMap) -> Caller {
        let Some(token) = (self.token)() else {
            return match self.refusal_without_token(headers) {
                Some(problem) => Caller::Refused(problem),
                None => Caller::Local,
            };
        };
        if is_token(bearer_token(headers), &token) {
            return Caller::Bearer;
        }
        match self.sessions.find_session(headers, &token) {
            Some(session) => Caller::LoggedIn(session),
            None => Caller::Unknown,
        }
    }

    fn refusal(&self, request: &Request) -> Option<ApiProblem> {
        if is_forged(request.method(), request.headers()) {
            let detail = "a page of another origin sent this request; nothing was changed";
            return Some(ApiProblem::new(StatusCode::FORBIDDEN, detail));
        }
        match self.identify(request.headers()) {
            Caller::Local | Caller::Bearer => None,
            // The browser adds the cookie by itself, so that it proves no intent to change anything.
            Caller::LoggedIn(_) if request.method().is_safe() => None,
            Caller::Refused(problem) => Some(problem),
            Caller::LoggedIn(_) | Caller::Unknown => {
                let detail = "send the admin token of the policy file (gateway.admin-token) in the \
                              field `Authorization: Bearer TOKEN`";
                Some(ApiProblem::new(StatusCode::UNAUTHORIZED, detail))
            }
        }
    }

    fn refusal_without_token(&self, headers: &HeaderMap) -> Option<ApiProblem> {
        let detail = if !self.local {
            "other machines can reach the admin listener: set gateway.admin-token to use it"
        } else if !names_this_host(headers) {
            "without an admin token, the Host field must be an address or localhost"
        } else {
            return None;
        };
        Some(ApiProblem::new(StatusCode::FORBIDDEN, detail))
    }
}

/// Returns true if `guess` is the token. In constant time: the time of a comparison would reveal the
/// token byte by byte.
fn is_token(guess: &[u8], token: &str) -> bool {
    guess.ct_eq(token.as_bytes()).into()
}

/// The token of `Authorization: Bearer`; empty if there is none.
fn bearer_token(headers: &HeaderMap) -> &[u8] {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return b"" };
    match value.as_bytes().split_at_checked(7) {
        // RFC 9110 §11.1: the scheme is not case-sensitive.
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token.trim_ascii(),
        _ => b"",
    }
}

/// Returns true if `Host` is an address or `localhost`, which no web page can choose as its own
/// name (DNS rebinding).
fn names_this_host(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(header::HOST).map(|host| host.to_str()) else { return false };
    let host = upshift_core::Facts::host_of(value);
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok()
}
