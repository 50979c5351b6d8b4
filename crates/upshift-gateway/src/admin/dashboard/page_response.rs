//! Pages as responses, with the fields that keep other sites out.

use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

/// The sources that a page may load from: this gateway only, and nothing inline.
const SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; \
    base-uri 'none'";

const SECURITY_FIELDS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    // Callers are in it, and the numbers change.
    (header::CACHE_CONTROL, "no-store"),
];

/// A page as a response.
pub(super) fn page_response(status: StatusCode, page: String) -> Response {
    (status, SECURITY_FIELDS, Html(page)).into_response()
}
