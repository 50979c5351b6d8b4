//! The dashboard: the pages of the admin listener for people.

mod assets;
mod change_form;
mod changes;
mod error_page;
mod events;
mod gate;
mod headers;
mod live_summary;
mod login;
mod page_address;
mod pages;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, StatusCode};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};

use self::assets::assets;
use self::error_page::ErrorPage;
use self::events::{EVENTS_PATH, Events, stream_events};
use self::login::Logins;
use self::view::PageSource;
use crate::admin::auth::AdminAccess;
use crate::admin::fleet_numbers::FleetNumbers;
use crate::shared::Shared;

/// The largest form, in bytes.
const MAX_FORM: usize = 16 * 1024;

/// The routes of the dashboard, which check access by themselves.
pub(super) fn router(
    shared: &Arc<Shared>,
    fleet: Option<Arc<FleetNumbers>>,
    access: &AdminAccess,
) -> Router {
    let logins = Logins::new(access.clone());
    let pages = Router::new()
        .route("/", get(pages::show_overview))
        .route("/rules/{rule}", get(pages::show_rule))
        .with_state(PageSource { shared: Arc::clone(shared), fleet });
    let events = Router::new()
        .route(EVENTS_PATH, get(stream_events))
        .with_state(Events::new(shared, access.clone()));
    let logout = Router::new().route("/logout", post(login::log_out)).with_state(logins.clone());
    // Below the access control, which comes first for every method.
    let viewed = pages
        .merge(change_routes(shared))
        .merge(events)
        .merge(logout)
        .method_not_allowed_fallback(wrong_method_page);
    let login = Router::new()
        .route("/login", get(login::show_login).post(login::log_in))
        .method_not_allowed_fallback(wrong_method_page)
        .with_state(logins);
    viewed
        .layer(from_fn_with_state(access.clone(), gate::check_viewer))
        .merge(login.layer(from_fn_with_state(access.clone(), gate::check_origin)))
        .merge(assets().method_not_allowed_fallback(wrong_method_page))
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .layer(map_response(headers::add_security_fields))
}

/// The response for an address that no page has.
pub(super) async fn missing_page() -> Response {
    let text = "No page has this address. The start page lists all rules.";
    let page = ErrorPage::new(StatusCode::NOT_FOUND, "Not found", text);
    headers::add_security_fields(page.into_response()).await
}

/// The response for a method that a page does not have. The router adds `Allow`.
async fn wrong_method_page(method: Method) -> ErrorPage {
    let text = format!(
        "This address has no {method}. If a form led here, go back, reload the page, and send the \
         form again."
    );
    ErrorPage::new(StatusCode::METHOD_NOT_ALLOWED, "This cannot be done here", text)
}

fn change_routes(shared: &Arc<Shared>) -> Router {
    // A browser gets the address of a form that was sent, if its user asks for the page again.
    let preview = post(changes::preview_change).get(async || Redirect::to("/changes"));
    Router::new()
        .route("/changes", get(changes::show_history).post(changes::confirm_change))
        .route("/changes/preview", preview)
        .route("/changes/{id}", get(changes::show_change))
        .with_state(Arc::clone(&shared.control))
}
