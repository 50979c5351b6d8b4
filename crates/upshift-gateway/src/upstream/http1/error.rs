//! The errors of an exchange over HTTP/1.1.

use std::io;

use upshift_http1::{Fault, FaultClass, SendError};

use crate::body::BrokenRequest;

/// An exchange without a response, or with incomplete content.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Http1Error {
    /// The connection failed.
    #[error("{0}")]
    Closed(#[from] io::Error),
    /// The upstream sent something that is not valid HTTP, or ended the connection too early.
    #[error("{0}")]
    Fault(Fault),
    /// The rest of the request could not be read from the client.
    #[error("{0}")]
    Request(#[from] BrokenRequest),
    /// A part of the response cannot be represented in the `http` crate.
    #[error("{0}")]
    Converted(#[from] http::Error),
    /// HTTP/1.1 cannot express the request.
    #[error("{0}")]
    Unsendable(#[from] SendError),
}

impl Http1Error {
    /// The fault in the bytes that the upstream sent; `None` if they merely end too early, or the
    /// upstream is not at fault.
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
