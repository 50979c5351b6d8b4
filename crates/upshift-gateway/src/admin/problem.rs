//! Errors of the admin API, as problem+json (RFC 9457).

use axum::extract::rejection::JsonRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use upshift_adoption::UndoError;
use upshift_record::control::RuleChange;

use crate::rollout::ControlError;

/// A refusal or a failure, as problem+json (RFC 9457).
pub(crate) struct ApiProblem {
    status: StatusCode,
    detail: String,
    /// The error code for programs: `unknown-rule`, `unknown-change`, `nothing-to-undo`,
    /// `already-undone`, `not-undoable`, `overtaken`, `rises`, `repeated`, `changed-meanwhile`,
    /// `too-late`, `no-store`.
    code: Option<&'static str>,
    /// The changes that have to be confirmed.
    rules: Vec<RuleChange>,
}

impl ApiProblem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), code: None, rules: Vec::new() }
    }

    /// The same problem with a code.
    pub(super) fn with_code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// The status.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// The problem in words.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// The error code for programs.
    pub(super) fn code(&self) -> Option<&'static str> {
        self.code
    }

    /// A problem of the request itself.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }
}

impl From<JsonRejection> for ApiProblem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<ControlError> for ApiProblem {
    fn from(error: ControlError) -> Self {
        let (status, code) = match &error {
            ControlError::UnknownRule(_) => (StatusCode::NOT_FOUND, "unknown-rule"),
            ControlError::Undo(UndoError::Unknown(_)) => (StatusCode::NOT_FOUND, "unknown-change"),
            ControlError::Undo(UndoError::Nothing) => (StatusCode::CONFLICT, "nothing-to-undo"),
            ControlError::Undo(UndoError::AlreadyUndone { .. }) => {
                (StatusCode::CONFLICT, "already-undone")
            }
            ControlError::Undo(UndoError::Overtaken { .. }) => (StatusCode::CONFLICT, "overtaken"),
            ControlError::Undo(_) => (StatusCode::CONFLICT, "not-undoable"),
            ControlError::Rises { .. } => (StatusCode::CONFLICT, "rises"),
            ControlError::Repeated(_) => (StatusCode::CONFLICT, "repeated"),
            ControlError::Overtaken | ControlError::OtherEffect => {
                (StatusCode::CONFLICT, "changed-meanwhile")
            }
            ControlError::TooLate(_) => (StatusCode::CONFLICT, "too-late"),
        };
        let detail = error.to_string();
        let rules = if let ControlError::Rises { rules, .. } = error { rules } else { Vec::new() };
        Self { status, detail, code: Some(code), rules }
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let mut body = serde_json::json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or_default(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(code) = self.code {
            body["code"] = code.into();
        }
        if !self.rules.is_empty() {
            body["rules"] = serde_json::json!(self.rules);
        }
        let mut response = (self.status, body.to_string()).into_response();
        let fields = response.headers_mut();
        fields.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/problem+json"),
        );
        if self.status == StatusCode::UNAUTHORIZED {
            fields.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        response
    }
}
