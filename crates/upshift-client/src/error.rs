//! The errors of a call, and whose fault each of them is.

use std::fmt;

use bytes::Bytes;
use http::Response;
use upshift_core::Timestamp;
use upshift_core::field::Protocol;
use upshift_core::follow::{Demand, ProblemDetails, Step, Stop, StopReason, SwitchError, Want};

use crate::box_error::{BoxError, ErrorChain};
use crate::{HeadLimit, Http2Fault, Trace};

/// The failure of a call.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The server requires something that this client does not do: a 426 that was not followed.
    Refused(Box<Refused>),
    /// The server's fault: a 101 that was not asked for, or that names another protocol. The
    /// connection is closed.
    PeerSwitched {
        /// The fault of the 101.
        error: SwitchError,
        /// The requests of this call.
        trace: Trace,
    },
    /// The server's fault: it exceeded a limit on the head of a response. The exchange is
    /// abandoned.
    PeerExceeded {
        /// The limit.
        limit: HeadLimit,
        /// The requests of this call.
        trace: Trace,
    },
    /// The server's fault: its response over HTTP/2 or HTTP/3 cannot be read, and the request could
    /// not be sent again with HTTP/1.1: it is not idempotent, its body can be sent only once, or
    /// this client does not choose the version.
    PeerHttp2 {
        /// The fault of the response.
        fault: Http2Fault,
        /// The cause.
        source: BoxError,
        /// The requests of this call.
        trace: Trace,
    },
    /// The network's fault: the server could not be reached, or the exchange was interrupted.
    Transport {
        /// The cause.
        source: BoxError,
        /// The requests of this call.
        trace: Trace,
    },
    /// The network's fault: the server requires a step, which failed.
    Step {
        /// The step.
        step: Step,
        /// The cause.
        source: BoxError,
        /// The 426 that required the step.
        refused: Box<Refused>,
    },
    /// The caller's fault: an invalid request or setting.
    Usage(BoxError),
}

impl Error {
    pub(crate) fn usage(error: impl Into<BoxError>) -> Self {
        Self::Usage(error.into())
    }

    /// The requests of this call; empty if none was sent.
    pub fn trace(&self) -> Trace {
        match self {
            Self::Refused(refused) => refused.trace.clone(),
            Self::Step { refused, .. } => refused.trace.clone(),
            Self::PeerSwitched { trace, .. }
            | Self::PeerExceeded { trace, .. }
            | Self::PeerHttp2 { trace, .. }
            | Self::Transport { trace, .. } => trace.clone(),
            Self::Usage(_) => Trace::default(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::PeerSwitched { error, .. } => error.fmt(f),
            Self::PeerExceeded { limit, .. } => limit.fmt(f),
            Self::PeerHttp2 { fault, .. } => write!(f, "{fault}; use HTTP/1.1"),
            Self::Transport { source, .. } => {
                write!(f, "the request failed: {}", ErrorChain(source.as_ref()))
            }
            Self::Step { step, source, .. } => {
                write!(
                    f,
                    "the server requires the client to {step}, which failed: {}",
                    ErrorChain(source.as_ref())
                )
            }
            Self::Usage(source) => source.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

/// A 426 that was not followed, with everything that the server said.
#[derive(Debug)]
#[non_exhaustive]
pub struct Refused {
    /// The reason why it was not followed, and the rule behind it.
    pub stop: Stop,
    /// The requirement of the server.
    pub demand: Demand,
    /// Its problem body, if it sent one.
    pub problem: Option<ProblemDetails>,
    /// `Retry-After`, read against the clock.
    pub retry_at: Option<Timestamp>,
    /// The response itself. Its body is cut off after 64 KiB.
    pub response: Response<Bytes>,
    /// The requests of this call.
    pub trace: Trace,
}

impl Refused {
    /// The protocols that the server named, in order of preference.
    pub fn protocols(&self) -> &[Protocol] {
        &self.demand.protocols
    }

    /// The lowest version of an API or client that is enough.
    pub fn minimum(&self) -> Option<&str> {
        for want in &self.demand.wants {
            if let Want::Version { minimum: Some(minimum), .. } = want {
                return Some(minimum);
            }
        }
        None
    }

    /// The text of the server for people.
    pub fn message(&self) -> Option<&str> {
        let problem = self.problem.as_ref()?;
        problem.detail.as_deref().or(problem.title.as_deref())
    }

    /// The URL of the documentation.
    pub fn docs(&self) -> Option<&str> {
        self.problem.as_ref()?.docs.as_deref()
    }

    /// The URL where the required version is available.
    pub fn upgrade_url(&self) -> Option<&str> {
        self.problem.as_ref()?.upgrade_url.as_deref()
    }

    /// The time from which the same request may succeed: the end of a brownout, or `Retry-After`.
    pub fn ends_at(&self) -> Option<Timestamp> {
        match &self.problem {
            // The body names the end itself, while `Retry-After` may be seconds from its arrival.
            Some(problem) if problem.window_ends_at.is_some() => problem.window_ends_at,
            _ => self.retry_at,
        }
    }

    /// Returns true if the same request may succeed later. A 426 is permanent unless the server
    /// says otherwise.
    pub fn is_retryable(&self) -> bool {
        match &self.problem {
            Some(ProblemDetails { retryable: Some(retryable), .. }) => *retryable,
            _ => self.ends_at().is_some(),
        }
    }

    /// The reason why it was not followed.
    pub fn reason(&self) -> &StopReason {
        &self.stop.reason
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stop.fmt(f)?;
        match self.message() {
            Some(message) => write!(f, " (its message: {message})"),
            None => Ok(()),
        }
    }
}
