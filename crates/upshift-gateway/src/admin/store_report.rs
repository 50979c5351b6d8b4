//! Reports that are read from the store.

use axum::Json;
use axum::http::StatusCode;
use upshift_adoption::store::StoreError;

use super::problem::ApiProblem;

/// Answers with the report that `read` makes, which reads the store and blocks. `None`: there is no
/// store, so that the `subject` of the report is not recorded.
pub(super) async fn report_of_store<T: Send + 'static>(
    subject: &str,
    read: impl FnOnce() -> Result<Option<T>, StoreError> + Send + 'static,
) -> Result<Json<T>, ApiProblem> {
    // Reading the store must not keep the other routes waiting.
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(Some(report))) => Ok(Json(report)),
        Ok(Ok(None)) => Err(ApiProblem::new(
            StatusCode::NOT_FOUND,
            format!(
                "{subject} is not recorded, because this gateway has no store: set `store` in \
                 [gateway]"
            ),
        )
        .with_code("no-store")),
        Ok(Err(error)) => {
            Err(ApiProblem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
        }
        Err(_) => Err(ApiProblem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the report could not be made; the log says why",
        )),
    }
}
