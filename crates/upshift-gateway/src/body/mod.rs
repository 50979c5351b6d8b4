//! The two bodies of an exchange: the one that goes to the upstream and the one that comes back.
//!
//! Each watches its own progress: a body that is asked for more and gets nothing for too long ends
//! with [`Silent`]. What else arrives on the connection does not count.

mod replay;
mod request;
mod response;
mod silence;

use std::pin::Pin;

use bytes::Bytes;
use http::Version;
use http_body::Body as _;
use hyper::body::Incoming;

pub(crate) use replay::Replay;
pub(crate) use request::{RequestBody, Upload, UploadState};
pub(crate) use response::Body;
pub(crate) use silence::{Silence, Silent};

/// The end of an HTTP/2 body that came without END_STREAM.
#[derive(Debug, thiserror::Error)]
#[error("the stream was reset before the end of the content")]
pub(crate) struct Unfinished;

/// Tells whether a body that has just ended was cut short.
///
/// hyper takes RST_STREAM with NO_ERROR for the end of a body. RFC 9113 §8.1 has a server send it
/// after a complete response, which END_STREAM marks; without END_STREAM, the content is cut short.
pub(crate) fn is_unfinished(body: &Incoming, version: Version) -> bool {
    version == Version::HTTP_2 && !body.is_end_stream()
}

/// What a body may fail with.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body of any other codec.
pub(crate) type AnyBody = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError>>>;
