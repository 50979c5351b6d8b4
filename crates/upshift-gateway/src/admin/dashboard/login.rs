//! `/login` and `/logout`: browsers cannot send `Authorization: Bearer`, so they get a session.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;
use upshift_pages::login::LoginPage;

use super::change_form::read_form;
use super::error_page::ErrorPage;
use super::gate::Viewer;
use super::page_address::PageAddress;
use crate::admin::auth::{AdminAccess, Caller};
use crate::admin::listener::PeerAddress;
use crate::admin::login_attempts::LoginAttempts;
use crate::admin::sessions::session_cookie;

/// The longest name of a user, in characters.
const MAX_NAME: usize = 40;

/// The state of the routes.
#[derive(Clone)]
pub(super) struct Logins {
    access: AdminAccess,
    attempts: Arc<LoginAttempts>,
}

impl Logins {
    pub(super) fn new(access: AdminAccess) -> Self {
        Self { access, attempts: Arc::default() }
    }
}

#[derive(Deserialize)]
pub(super) struct LoginQuery {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct LoginForm {
    token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct LogoutForm {
    key: String,
}

/// Serves `GET /login`.
pub(super) async fn show_login(
    State(logins): State<Logins>,
    PageAddress(Query(query)): PageAddress<Query<LoginQuery>>,
    headers: HeaderMap,
) -> Response {
    match logins.access.identify(&headers) {
        Caller::Unknown => {}
        // Without a token, or with a session, there is nothing to log in to.
        _ => return Redirect::to(page_after_login(&query.next)).into_response(),
    }
    Html(LoginPage { next: page_after_login(&query.next), name: "", error: None }.render_html())
        .into_response()
}

/// Serves `POST /login`.
pub(super) async fn log_in(
    State(logins): State<Logins>,
    peer: Option<Extension<PeerAddress>>,
    headers: HeaderMap,
    form: Result<Form<LoginForm>, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else {
        let text = "The form was not sent whole. Go back, and send it again.";
        return ErrorPage::new(StatusCode::BAD_REQUEST, "Log in again", text).into_response();
    };
    let client = match peer {
        Some(Extension(PeerAddress(client))) => client,
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    if let Some(wait) = logins.attempts.waiting_time(client) {
        let seconds = wait.as_secs() + 1;
        let text = format!("Wait {seconds} seconds before you try again.");
        let page = ErrorPage::new(StatusCode::TOO_MANY_REQUESTS, "Too many wrong tokens", text);
        return page.with_retry_after(seconds).into_response();
    }
    if !logins.access.has_token() {
        return Redirect::to("/").into_response();
    }
    let next = page_after_login(&form.next);
    let name = user_name(&form.name);
    let Some(id) = logins.access.log_in(form.token.trim(), name.clone()) else {
        logins.attempts.count_failure(client);
        tracing::warn!(%client, "a browser tried to log in to the admin listener with a wrong token");
        let error = Some("This is not the admin token.");
        let page = LoginPage { next, name: &name, error }.render_html();
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, challenge, Html(page)).into_response();
    };
    tracing::info!(%client, name, "a browser logged in to the admin listener");
    with_cookie(Redirect::to(next).into_response(), &headers, &id)
}

/// Serves `POST /logout`.
pub(super) async fn log_out(
    State(logins): State<Logins>,
    Extension(viewer): Extension<Viewer>,
    headers: HeaderMap,
    form: Result<Form<LogoutForm>, FormRejection>,
) -> Result<Response, ErrorPage> {
    let form = read_form(form)?;
    viewer.acting_session(&form.key)?;
    logins.access.log_out(&headers);
    Ok(with_cookie(Redirect::to("/login").into_response(), &headers, ""))
}

fn with_cookie(mut response: Response, headers: &HeaderMap, id: &str) -> Response {
    if let Some(cookie) = session_cookie(headers, id) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// The page that `next` names, if it is one of the dashboard. Another site could put its own address
/// there.
fn page_after_login(next: &str) -> &str {
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let pages = ["/rules/", "/changes", "/?"];
    let is_page = pages.iter().any(|page| next.starts_with(page));
    if is_page && is_plain { next } else { "/" }
}

/// The name that goes into the history of changes.
fn user_name(name: &str) -> String {
    if name.chars().any(char::is_control) {
        return String::new();
    }
    name.trim().chars().take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_a_page_of_the_dashboard_only() {
        for page in
            ["/", "/?period=7d", "/rules/a%2Fb?period=90d", "/changes", "/changes/5f0c21a97e"]
        {
            assert_eq!(page_after_login(page), page);
        }
        for other in [
            "",
            "https://evil.example",
            "//evil.example",
            "//evil.example/?period=7d",
            "/rules/\\evil",
            "/logout",
            "/rules/a\r\nb",
        ] {
            assert_eq!(page_after_login(other), "/", "{other:?}");
        }
    }

    #[test]
    fn a_name_is_short_and_plain() {
        assert_eq!(user_name(" Ada L. "), "Ada L.");
        assert_eq!(user_name("a\nb"), "");
        assert_eq!(user_name(&"é".repeat(100)), "é".repeat(MAX_NAME));
    }
}
