//! The dashboard: the pages of the admin listener for people.

mod assets;
mod page_response;
mod pages;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::shared::Shared;

pub(super) use self::assets::assets;

/// The pages, without access control.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(pages::show_overview))
        .route("/rules/{rule}", get(pages::show_rule))
        .with_state(shared)
}
