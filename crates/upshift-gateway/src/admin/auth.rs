//! Access control of the admin listener.
//!
//! 1. With an admin token, callers send it as `Authorization: Bearer`.
//! 2. Without one, on a loopback address only, `Host` has to be an address or `localhost`: a web
//!    page that reached this host under a name of its own (DNS rebinding) is refused.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq as _;

use super::problem::ApiProblem;

/// Reads the admin token in force, which a reload may change.
pub(crate) type TokenSource = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// The callers that may use a route.
#[derive(Clone)]
pub(crate) struct AdminAccess {
    token: TokenSource,
    /// Only this machine can reach the listener.
    local: bool,
}

/// Adds a check of `access` in front of `router`.
pub(crate) fn guarded<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    access: AdminAccess,
) -> Router<S> {
    router.layer(from_fn_with_state(access, check_access))
}

async fn check_access(State(access): State<AdminAccess>, request: Request, next: Next) -> Response {
    match access.refusal(request.headers()) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

impl AdminAccess {
    /// Access with the admin token that `token` reads, or without one if only this machine can
    /// reach the listener (`local`).
    pub(crate) fn with_token(token: TokenSource, local: bool) -> Self {
        Self { token, local }
    }

    /// Access for callers on this machine, without a token.
    pub(crate) fn for_local_callers() -> Self {
        Self { token: Arc::new(|| None), local: true }
    }

    /// Returns true if any caller at all may use the API.
    pub(crate) fn is_possible(&self) -> bool {
        self.local || (self.token)().is_some()
    }

    fn refusal(&self, headers: &HeaderMap) -> Option<ApiProblem> {
        let Some(token) = (self.token)() else {
            return self.refusal_without_token(headers);
        };
        // In constant time: the time of a comparison would reveal the token byte by byte.
        let is_equal: bool = bearer_token(headers).ct_eq(token.as_bytes()).into();
        if is_equal {
            return None;
        }
        let detail = "admin token required: send Authorization: Bearer …";
        Some(ApiProblem::new(StatusCode::UNAUTHORIZED, detail))
    }

    fn refusal_without_token(&self, headers: &HeaderMap) -> Option<ApiProblem> {
        let detail = if !self.local {
            "other machines can reach the admin listener: set gateway.admin-token to use the API"
        } else if !names_this_host(headers) {
            "without an admin token, the Host field must be an address or localhost"
        } else {
            return None;
        };
        Some(ApiProblem::new(StatusCode::FORBIDDEN, detail))
    }
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
