//! What can go wrong, and whose fault it is.

use std::fmt;

use bytes::Bytes;
use http::Response;
use upshift_core::Timestamp;
use upshift_core::field::Protocol;
use upshift_core::follow::{Demand, ProblemDetails, Step, Stop, StopReason, SwitchError, Want};

use crate::{HeadLimit, Http2Fault, Trace};

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a call came to nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The server wants something that it does not get: a 426 that is not followed.
    Refused(Box<Refused>),
    /// The server's fault: a 101 that was not asked for, or is not what was asked for. The
    /// connection is closed.
    PeerSwitched {
        /// What is wrong with it.
        error: SwitchError,
        /// What led there.
        trace: Trace,
    },
    /// The server's fault: it went past a bound on the head of a response. The exchange is given
    /// up.
    PeerExceeded {
        /// The bound.
        limit: HeadLimit,
        /// What led there.
        trace: Trace,
    },
    /// The server's fault: its answer over HTTP/2 or HTTP/3 cannot be read, and the request was not
    /// one to ask again with HTTP/1.1: it is not idempotent, its body is gone, or this client does
    /// not choose the version.
    PeerHttp2 {
        /// What is wrong.
        fault: Http2Fault,
        /// What happened.
        source: BoxError,
        /// What led there.
        trace: Trace,
    },
    /// The network's fault: the server could not be reached, or the exchange broke off.
    Transport {
        /// What happened.
        source: BoxError,
        /// What led there.
        trace: Trace,
    },
    /// The network's fault: the server wants a step that then failed.
    Step {
        /// The step.
        step: Step,
        /// What happened.
        source: BoxError,
        /// The answer that asked for the step.
        refused: Box<Refused>,
    },
    /// The caller's fault: a request or a setting that cannot be.
    Usage(BoxError),
}

impl Error {
    pub(crate) fn usage(error: impl Into<BoxError>) -> Self {
        Self::Usage(error.into())
    }

    /// What led there; empty if nothing was sent.
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
            Self::PeerHttp2 { fault, .. } => write!(f, "{fault}: ask with HTTP/1.1"),
            Self::Transport { source, .. } => {
                write!(f, "the server could not be asked: {}", Chain(source.as_ref()))
            }
            Self::Step { step, source, .. } => {
                write!(
                    f,
                    "the server wants the client to {step}, which failed: {}",
                    Chain(source.as_ref())
                )
            }
            Self::Usage(source) => source.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

/// An error with its causes, for the libraries below say little at the top.
pub(crate) struct Chain<'e>(pub(crate) &'e (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !said.contains(&text) {
                write!(f, ": {text}")?;
            }
            (said, cause) = (text, error.source());
        }
        Ok(())
    }
}

/// A 426 that was not followed, with all that the server said.
#[derive(Debug)]
pub struct Refused {
    /// Why it was not followed, and by which rule.
    pub stop: Stop,
    /// What the server wants.
    pub demand: Demand,
    /// Its problem body, if it sent one.
    pub problem: Option<ProblemDetails>,
    /// `Retry-After`, read against the clock.
    pub retry_at: Option<Timestamp>,
    /// The answer itself; its body is cut after 64 KiB.
    pub response: Response<Bytes>,
    /// What led there.
    pub trace: Trace,
}

impl Refused {
    /// The protocols that the server named, the most wanted first.
    pub fn protocols(&self) -> &[Protocol] {
        &self.demand.protocols
    }

    /// The lowest version of an API or client that will do.
    pub fn minimum(&self) -> Option<&str> {
        self.demand.wants.iter().find_map(|want| match want {
            Want::Version { minimum, .. } => minimum.as_deref(),
            _ => None,
        })
    }

    /// What the server says to people.
    pub fn message(&self) -> Option<&str> {
        let problem = self.problem.as_ref()?;
        problem.detail.as_deref().or(problem.title.as_deref())
    }

    /// Where it is explained.
    pub fn docs(&self) -> Option<&str> {
        self.problem.as_ref()?.docs.as_deref()
    }

    /// Where what is wanted is to be had.
    pub fn upgrade_url(&self) -> Option<&str> {
        self.problem.as_ref()?.upgrade_url.as_deref()
    }

    /// When the same request may succeed again: the end of a brownout, or `Retry-After`.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.problem.as_ref().and_then(|problem| problem.window_ends_at).or(self.retry_at)
    }

    /// Tells whether asking the same again later may succeed. A 426 is for good unless the server
    /// says otherwise.
    pub fn is_retryable(&self) -> bool {
        let told = self.problem.as_ref().and_then(|problem| problem.retryable);
        told.unwrap_or_else(|| self.ends_at().is_some())
    }

    /// Why it was not followed.
    pub fn reason(&self) -> &StopReason {
        &self.stop.reason
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stop.fmt(f)?;
        match self.message() {
            Some(message) => write!(f, " (it says: {message})"),
            None => Ok(()),
        }
    }
}
