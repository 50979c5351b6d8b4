//! The ways in which an upstream connection or stream breaks, and what they allow for a retry.

use std::error::Error as _;
use std::time::Duration;

use upshift_http1::FaultClass;

use crate::upstream::http1::Http1Error;

/// The age of an upstream connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionAge {
    /// It served earlier requests, and was then idle for this time.
    Reused(Duration),
    /// It was opened for this request.
    New,
}

/// The endpoints at which a failed request may be retried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RetryScope {
    /// None: the client or this process is at fault.
    NotRetryable,
    /// Another endpoint, if the method and content allow it.
    OtherEndpoint,
    /// The same endpoint as well: it closed a reused connection (RFC 9112 §9.3.1).
    AnyEndpoint,
    /// Any endpoint, with any method: the request was not processed (RFC 9113 §8.7).
    Unprocessed,
}

/// The way in which a connection or stream broke.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BrokenBy {
    /// The connection was closed or reset.
    Closed,
    /// The connection is shutting down gracefully, and the stream began too late.
    Leaving,
    /// The connection ends because of an error, and the stream was not processed.
    Failing,
    /// The stream was refused before it was processed.
    Refused,
    /// The stream was reset.
    Reset,
    /// The upstream sent something that is not valid HTTP: the rule, if it is known.
    Malformed(Option<FaultClass>),
}

impl BrokenBy {
    /// Classifies an error of HTTP/1.1.
    pub(super) fn from_http1(error: &Http1Error) -> Self {
        match error.malformed() {
            Some(class) => Self::Malformed(Some(class)),
            None => Self::Closed,
        }
    }

    /// Classifies an error of HTTP/2.
    pub(super) fn from_http2(error: &hyper::Error) -> Self {
        let Some(source) = error.source() else { return Self::Closed };
        let Some(h2_error) = source.downcast_ref::<h2::Error>() else { return Self::Closed };
        match h2_error.reason() {
            None => Self::Closed,
            // h2 raised it itself, so the peer violated the protocol.
            Some(_) if !h2_error.is_remote() => Self::Malformed(None),
            // h2 returns this only for streams after the last one that was processed.
            Some(h2::Reason::NO_ERROR) if h2_error.is_go_away() => Self::Leaving,
            Some(_) if h2_error.is_go_away() => Self::Failing,
            Some(h2::Reason::REFUSED_STREAM) => Self::Refused,
            Some(_) => Self::Reset,
        }
    }

    /// The endpoints at which a request may be retried after its connection broke in this way.
    pub(super) fn retry_scope(self, connection: ConnectionAge) -> RetryScope {
        match self {
            // RFC 9113 §8.7: such requests "have not been processed", and "can be safely retried".
            Self::Leaving | Self::Failing | Self::Refused => RetryScope::Unprocessed,
            Self::Closed if connection != ConnectionAge::New => RetryScope::AnyEndpoint,
            Self::Closed | Self::Reset | Self::Malformed(_) => RetryScope::OtherEndpoint,
        }
    }

    /// The upstream's action, for the log.
    pub(super) fn description(self) -> String {
        let text = match self {
            Self::Closed | Self::Leaving | Self::Failing => "closed the connection",
            Self::Refused => "refused the request",
            Self::Reset => "reset the stream",
            Self::Malformed(None) => "sent a response that is not valid HTTP",
            Self::Malformed(Some(class)) => {
                return format!("sent a response that is not valid HTTP: {}", class.as_str());
            }
        };
        text.to_owned()
    }
}
