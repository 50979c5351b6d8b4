//! The content of an upstream's response, over any version of HTTP.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::Version;
use http_body::{Body, SizeHint};
use hyper::body::Incoming;

use crate::body::{BodyError, PolledFrame, TruncatedStream, is_truncated};

/// The content of an upstream's response.
pub(crate) struct UpstreamBody {
    incoming: Incoming,
    version: Version,
}

impl UpstreamBody {
    /// The content of a response that hyper reads, on a connection of this version.
    pub(super) fn from_hyper(incoming: Incoming, version: Version) -> Self {
        Self { incoming, version }
    }
}

impl Body for UpstreamBody {
    type Data = bytes::Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> PolledFrame {
        match Pin::new(&mut self.incoming).poll_frame(cx).map_err(BodyError::from) {
            Poll::Ready(None) if is_truncated(&self.incoming, self.version) => {
                Poll::Ready(Some(Err(TruncatedStream.into())))
            }
            polled => polled,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
