//! The content of an upstream's response, over any version of HTTP.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Version;
use http_body::{Body, SizeHint};
use hyper::body::Incoming;

use super::http1::{Http1Content, SwitchedStream};
use crate::body::{BodyError, PolledFrame, TruncatedStream, is_truncated};
use crate::fields::names::KeptNames;

/// The content of an upstream's response. If it is dropped before its end, a connection of HTTP/1.1
/// closes; at its end, the connection is free.
pub(crate) enum UpstreamBody {
    /// Over HTTP/1.1.
    Http1(Http1Content),
    /// Over HTTP/2.
    Http2(Incoming),
}

impl UpstreamBody {
    /// Takes the names of the fields of the head, or, after the frame with the trailers, theirs. Over
    /// HTTP/2, all names are in lower case.
    pub(crate) fn take_names(&mut self) -> Option<Box<KeptNames>> {
        match self {
            Self::Http1(content) => content.take_names(),
            Self::Http2(_) => None,
        }
    }

    /// The stream after a 101; `None` if this is the content of another response.
    pub(crate) fn into_switched(self) -> Option<SwitchedStream> {
        match self {
            Self::Http1(content) => content.into_switched(),
            Self::Http2(_) => None,
        }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> PolledFrame {
        match self.get_mut() {
            Self::Http1(content) => content.poll_frame(cx),
            Self::Http2(body) => match Pin::new(&mut *body).poll_frame(cx) {
                Poll::Ready(None) if is_truncated(body, Version::HTTP_2) => {
                    Poll::Ready(Some(Err(TruncatedStream.into())))
                }
                polled => polled.map_err(BodyError::from),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(content) => content.has_ended(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(content) => content.size_hint(),
            Self::Http2(body) => body.size_hint(),
        }
    }
}
