//! The body of a request, and what it has in common with that of a
//! [response](crate::response_body).
//!
//! Each body tracks its own progress: one that is polled and gets nothing for too long fails with
//! [`BodyTimedOut`]. Other bytes that arrive on the connection do not count.

mod replay;
mod request;
mod timeout;

use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame};
use hyper::body::Incoming;

pub(crate) use request::{ContentReplay, RequestBody, UploadProgress, UploadState};
pub(crate) use timeout::{BodyTimedOut, BodyTimeout};

/// The end of an HTTP/2 body without END_STREAM.
#[derive(Debug, thiserror::Error)]
#[error("the stream was reset before the end of the content")]
pub(crate) struct TruncatedStream;

/// Returns true if a body that has just ended was truncated.
///
/// hyper takes RST_STREAM with NO_ERROR for the end of a body. RFC 9113 §8.1 has a server send it
/// after a complete response, which END_STREAM marks; without END_STREAM, the content is truncated.
pub(crate) fn is_truncated(body: &Incoming, version: Version) -> bool {
    version == Version::HTTP_2 && !body.is_end_stream()
}

/// The error of a response that ended because the content of its request did: the client broke
/// off or stopped sending.
#[derive(Debug, thiserror::Error)]
#[error("the request broke off: {0}")]
pub(crate) struct BrokenRequest(pub(crate) BodyError);

/// An error of a body.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The next frame of a body, when polled.
pub(crate) type PolledFrame = Poll<Option<Result<Frame<Bytes>, BodyError>>>;

/// A body from a source other than hyper.
pub(crate) type BoxedBody = Pin<Box<dyn Body<Data = Bytes, Error = BodyError>>>;
