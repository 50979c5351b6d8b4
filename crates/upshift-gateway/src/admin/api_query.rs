//! The query of a request to the admin API.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::ApiProblem;

/// The query as a `T`. One that cannot be read is answered with a problem.
pub(super) struct ApiQuery<T>(pub(super) T);

impl<S, T> FromRequestParts<S> for ApiQuery<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiProblem> {
        let rejection = match Query::from_request_parts(parts, state).await {
            Ok(Query(query)) => return Ok(Self(query)),
            Err(rejection) => rejection.body_text(),
        };
        // The parameter and its fault come last.
        let fault = rejection.rsplit_once("string: ").map_or(&*rejection, |(_, fault)| fault);
        Err(ApiProblem::bad_request(format!(
            "the query cannot be read ({fault}); docs/rollout.md lists the parameters"
        )))
    }
}
