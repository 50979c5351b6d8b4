//! Errors of the dashboard, as pages that people read.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use upshift_pages::notice::render_notice;

use crate::admin::problem::ApiProblem;

/// A page that says why a request failed, and what to do.
pub(super) struct ErrorPage {
    status: StatusCode,
    heading: String,
    text: String,
    retry_after: Option<u64>,
}

impl ErrorPage {
    pub(super) fn new(
        status: StatusCode,
        heading: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        Self { status, heading: heading.into(), text: text.into(), retry_after: None }
    }

    /// The page for a change that was refused: the words of the API, without its marks for names.
    pub(super) fn of_refused_change(problem: ApiProblem) -> Self {
        let page = Self::from(problem);
        // The outcome of a change that failed half-way is not known here.
        if page.status.is_server_error() {
            return page;
        }
        let text = sentence(&page.text.replace('`', ""));
        Self { text: format!("Nothing was changed. {text}"), ..page }
    }

    /// The same page, for a client that should come back after some seconds.
    pub(super) fn with_retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}

impl From<ApiProblem> for ErrorPage {
    fn from(problem: ApiProblem) -> Self {
        let heading = match problem.status() {
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::FORBIDDEN => "No access",
            status if status.is_server_error() => "This did not work",
            _ => "This cannot be done",
        };
        Self::new(problem.status(), heading, sentence(problem.detail()))
    }
}

impl IntoResponse for ErrorPage {
    fn into_response(self) -> Response {
        let page = Html(render_notice(&self.heading, &self.text));
        let mut response = (self.status, page).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The text of a problem as a sentence.
fn sentence(detail: &str) -> String {
    let mut characters = detail.chars();
    let Some(first) = characters.next() else { return String::new() };
    let mut text: String = first.to_uppercase().collect();
    text.push_str(characters.as_str());
    if !text.ends_with(['.', '…']) {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_becomes_a_sentence() {
        assert_eq!(sentence("there is no rule x"), "There is no rule x.");
        assert_eq!(sentence("send Authorization: Bearer …"), "Send Authorization: Bearer …");
        assert_eq!(sentence(""), "");
    }
}
