//! The files that pages load. They contain no data, so that they need no access control.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use upshift_pages::{feed, stylesheet};

/// The routes of all assets.
pub(super) fn assets() -> Router {
    Router::new()
        .route(stylesheet::path(), get(serve_stylesheet))
        .route(feed::script_path(), get(serve_script))
}

async fn serve_stylesheet() -> impl IntoResponse {
    asset("text/css; charset=utf-8", stylesheet::CSS)
}

async fn serve_script() -> impl IntoResponse {
    asset("text/javascript; charset=utf-8", feed::SCRIPT)
}

fn asset(content_type: &'static str, content: &'static str) -> impl IntoResponse {
    // The path changes with the content.
    let lifetime = "public, max-age=31536000, immutable";
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, lifetime)], content)
}
