//! The content of an upstream's response, over any version of HTTP.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Version;
use http_body::{Body, SizeHint};
use hyper::body::Incoming;

use super::http1::{Http1Content, SwitchedStream};
use crate::body::{
    BodyError, BodyTimedOut, BrokenRequest, PolledFrame, TruncatedStream, UploadProgress,
    UploadState, is_truncated,
};
use crate::fields::names::KeptNames;

/// The content of an upstream's response. If it is dropped before its end, a connection of HTTP/1.1
/// closes; at its end, the connection is free.
pub(crate) enum UpstreamBody {
    /// Over HTTP/1.1.
    Http1(Http1Content),
    /// Over HTTP/2.
    Http2(Http2Content),
}

/// The content of a response over HTTP/2.
pub(crate) struct Http2Content {
    body: Incoming,
    /// The upload of the request, which may still go on.
    upload: Rc<UploadProgress>,
}

impl Http2Content {
    /// The content of the response to a request with this upload.
    pub(crate) fn new(body: Incoming, upload: Rc<UploadProgress>) -> Self {
        Self { body, upload }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> PolledFrame {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(None) if is_truncated(&self.body, Version::HTTP_2) => {
                Poll::Ready(Some(Err(self.name_cause(TruncatedStream.into()))))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(self.name_cause(error.into())))),
            polled => polled.map_err(BodyError::from),
        }
    }

    /// The cause of an error: hyper resets the stream if the content of the request breaks off, and
    /// then reports that reset.
    fn name_cause(&self, error: BodyError) -> BodyError {
        match self.upload.state().0 {
            UploadState::Failed => BrokenRequest(error).into(),
            UploadState::Stalled => BrokenRequest(BodyTimedOut.into()).into(),
            _ => error,
        }
    }
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
            Self::Http2(content) => content.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(content) => content.has_ended(),
            Self::Http2(content) => content.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(content) => content.size_hint(),
            Self::Http2(content) => content.body.size_hint(),
        }
    }
}
