//! The parts of a page's address: its path and its query.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::error_page::ErrorPage;

/// A part of the address that `E` reads. One that cannot be read is answered with a page.
pub(super) struct PageAddress<E>(pub(super) E);

impl<S, E> FromRequestParts<S> for PageAddress<E>
where
    S: Send + Sync,
    E: FromRequestParts<S>,
{
    type Rejection = ErrorPage;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ErrorPage> {
        match E::from_request_parts(parts, state).await {
            Ok(read) => Ok(Self(read)),
            Err(_) => Err(ErrorPage::new(
                StatusCode::BAD_REQUEST,
                "This address cannot be read",
                "Its path or its query is not one that a page has. The start page lists all rules.",
            )),
        }
    }
}
