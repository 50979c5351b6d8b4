//! The content of a request: its parts, its state and its faults.

use bytes::Bytes;
use http::HeaderMap;
use upshift_http1::{Fault, FaultClass};

use crate::fields::names::KeptNames;

/// A part of a request's content.
pub(super) enum ContentPart {
    Data(Bytes),
    /// With the names that were received.
    Trailers(HeaderMap, Option<Box<KeptNames>>),
    End,
}

/// The state of the current request's content, from the connection's point of view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentState {
    /// It was read to its end, or there is none.
    Read,
    /// The exchange holds it and may still read it.
    InUse,
    /// The exchange dropped it before its end.
    Abandoned,
    /// It is malformed or cut short: nothing can be read after it.
    Failed,
}

/// Truncated content, or content with malformed framing. The client is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadContent {
    /// The framing is malformed.
    #[error("{}", .0.as_str())]
    Malformed(FaultClass),
    /// The connection has ended.
    #[error("the connection ended before the end of the content")]
    CutShort,
}

impl BadContent {
    /// The error of content with this fault.
    pub(super) fn of_fault(fault: Fault) -> Self {
        match fault.class {
            FaultClass::BodyCutShort => Self::CutShort,
            class => Self::Malformed(class),
        }
    }
}
