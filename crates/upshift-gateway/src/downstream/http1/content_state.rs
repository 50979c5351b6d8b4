//! The content of a request: its parts, its state and its faults.

use bytes::Bytes;
use http::HeaderMap;
use upshift_http1::{Fault, FaultClass};

/// A part of a request's content.
pub(super) enum ContentPart {
    Data(Bytes),
    Trailers(HeaderMap),
    End,
}

/// The content of the current request, as far as the connection knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentState {
    /// It was read to its end, or there is none.
    Read,
    /// The exchange has it.
    InUse,
    /// The exchange dropped it before its end.
    Abandoned,
    /// It is malformed or cut short: nothing can be read after it.
    Failed,
}

/// Content that ended before its end, or whose framing is malformed. The client is at fault.
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
