//! The ways in which an exchange over HTTP/1.1 fails.

use std::io;

use upshift_http1::{Fault, FaultClass, SendError};

use crate::body::BodyError;

/// An exchange that has no response, or of which the content is incomplete.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Http1Error {
    /// The connection failed.
    #[error("{0}")]
    Closed(#[from] io::Error),
    /// The upstream sent something that is not valid HTTP, or ended the connection too early.
    #[error("{0}")]
    Fault(Fault),
    /// The rest of the request could not be had from the client.
    #[error("the request broke off: {0}")]
    Request(BodyError),
    /// A part of the response has no counterpart in the types of the gateway.
    #[error("{0}")]
    Converted(#[from] http::Error),
    /// The request cannot be written in HTTP/1.1.
    #[error("{0}")]
    Unsendable(#[from] SendError),
}

impl Http1Error {
    /// The rule that the upstream broke with bytes that it sent; `None` if it sent too few, or is
    /// not at fault.
    pub(crate) fn malformed(&self) -> Option<FaultClass> {
        match self {
            Self::Fault(fault) if !is_cut_short(fault.class) => Some(fault.class),
            _ => None,
        }
    }
}

fn is_cut_short(class: FaultClass) -> bool {
    matches!(class, FaultClass::NoResponse | FaultClass::HeadCutShort | FaultClass::BodyCutShort)
}
