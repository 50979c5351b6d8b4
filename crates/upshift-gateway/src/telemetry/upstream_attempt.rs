//! One attempt to get a response from an upstream.

use std::rc::Rc;
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use crate::telemetry::status_label::status_label;
use crate::telemetry::trace_context::SpanId;
use crate::telemetry::traces::FinishedAttempt;

/// An attempt to get a response from an upstream.
pub(crate) struct UpstreamAttempt {
    /// The name of the endpoint.
    pub(crate) endpoint: Rc<str>,
    /// The span of the attempt, if it is exported.
    span_id: Option<SpanId>,
    began: Instant,
    /// The time to the head of the response, or to the failure; `None` while the attempt lasts.
    took: Option<Duration>,
    outcome: AttemptOutcome,
}

/// The outcome of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptOutcome {
    /// The exchange ended before the attempt.
    Abandoned,
    /// There was a response with this status.
    Response(StatusCode),
    /// It failed for this reason.
    Failed(&'static str),
}

impl UpstreamAttempt {
    /// An attempt that begins.
    pub(super) fn begin(endpoint: &Rc<str>, span_id: Option<SpanId>) -> Self {
        Self {
            endpoint: Rc::clone(endpoint),
            span_id,
            began: Instant::now(),
            took: None,
            outcome: AttemptOutcome::Abandoned,
        }
    }

    /// Records its end. The first one counts.
    pub(super) fn end(&mut self, outcome: AttemptOutcome) {
        if self.took.is_none() {
            self.took = Some(self.began.elapsed());
            self.outcome = outcome;
        }
    }

    /// The time to the head of the response, or to the failure.
    pub(crate) fn took(&self) -> Duration {
        self.took.unwrap_or_else(|| self.began.elapsed())
    }

    /// The status of the response; `None` if there was none.
    pub(crate) fn status(&self) -> Option<u16> {
        match self.outcome {
            AttemptOutcome::Response(status) => Some(status.as_u16()),
            AttemptOutcome::Abandoned | AttemptOutcome::Failed(_) => None,
        }
    }

    /// The reason for which the attempt counts as failed: for a client, that is every status from
    /// 400 on.
    pub(crate) fn error(&self) -> Option<&'static str> {
        match self.outcome {
            AttemptOutcome::Abandoned => Some("abandoned"),
            AttemptOutcome::Failed(cause) => Some(cause),
            AttemptOutcome::Response(status) if status.as_u16() >= 400 => {
                Some(status_label(Some(status)))
            }
            AttemptOutcome::Response(_) => None,
        }
    }

    /// Its span; `None` if it has none.
    pub(super) fn finish(&self) -> Option<FinishedAttempt> {
        Some(FinishedAttempt {
            span_id: self.span_id?,
            endpoint: self.endpoint.to_string(),
            before_end: self.began.elapsed(),
            took: self.took(),
            status: self.status(),
            error: self.error(),
        })
    }
}
