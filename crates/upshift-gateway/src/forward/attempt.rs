//! The outcome of an attempt that did not produce a response for the client.

use super::broken::RetryScope;
use super::outbound::OutboundRequest;
use crate::local_reply::LocalReply;

/// An attempt without a response for the client.
pub(super) enum AttemptError<T> {
    /// The request was not sent, and can be sent elsewhere unchanged.
    Unsent(Box<OutboundRequest>, LocalReply),
    /// The upstream may have seen the request.
    Failed(Box<FailedAttempt<T>>),
}

impl<T> AttemptError<T> {
    /// The cause of the error, as metrics name it.
    pub(super) fn cause(&self) -> &'static str {
        match self {
            Self::Unsent(_, reply) => reply.cause_label(),
            Self::Failed(failed) => match &failed.outcome {
                Err(reply) => reply.cause_label(),
                Ok(_) => "response",
            },
        }
    }
}

/// An attempt whose request the upstream may have seen.
pub(super) struct FailedAttempt<T> {
    /// The outcome for the client, unless a retry has a better one.
    pub(super) outcome: Result<T, LocalReply>,
    /// The request to send in a retry.
    pub(super) retry_copy: Option<Box<OutboundRequest>>,
    /// The retry may go to the same endpoint, on a new connection.
    pub(super) same_endpoint: bool,
    /// The endpoint did not process the request.
    pub(super) unprocessed: bool,
}

/// An attempt that failed with `reply`.
pub(super) fn failed_attempt<T>(
    reply: LocalReply,
    retry_copy: Option<Box<OutboundRequest>>,
    scope: RetryScope,
) -> AttemptError<T> {
    AttemptError::Failed(Box::new(FailedAttempt {
        outcome: Err(reply),
        retry_copy: if scope == RetryScope::NotRetryable { None } else { retry_copy },
        same_endpoint: matches!(scope, RetryScope::AnyEndpoint | RetryScope::Unprocessed),
        unprocessed: scope == RetryScope::Unprocessed,
    }))
}

/// A response that the client gets only if no other endpoint has a better one.
pub(super) fn retryable_response<T>(
    response: T,
    retry_copy: Option<Box<OutboundRequest>>,
) -> AttemptError<T> {
    AttemptError::Failed(Box::new(FailedAttempt {
        outcome: Ok(response),
        retry_copy,
        same_endpoint: false,
        unprocessed: false,
    }))
}
