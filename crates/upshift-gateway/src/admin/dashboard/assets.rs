//! The files that pages load. They contain no data, so that they need no access control.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use upshift_pages::stylesheet;

/// The routes of all assets.
pub(in crate::admin) fn assets<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route(stylesheet::path(), get(serve_stylesheet))
}

async fn serve_stylesheet() -> impl IntoResponse {
    let fields = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        // The path changes with the content.
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (fields, stylesheet::CSS)
}
