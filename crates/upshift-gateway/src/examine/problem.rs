//! The two kinds of problems that the checks find.

use upshift_config::{KeyDiagnostic, Severity};

/// A problem that keeps the gateway from starting, at `key`.
pub(super) fn error(
    key: impl Into<String>,
    message: impl Into<String>,
    help: impl Into<String>,
) -> KeyDiagnostic {
    KeyDiagnostic {
        key: key.into(),
        severity: Severity::Error,
        message: message.into(),
        help: help.into(),
    }
}

/// A problem that may surprise once the gateway runs, at `key`.
pub(super) fn warning(
    key: impl Into<String>,
    message: impl Into<String>,
    help: impl Into<String>,
) -> KeyDiagnostic {
    KeyDiagnostic { severity: Severity::Warning, ..error(key, message, help) }
}
