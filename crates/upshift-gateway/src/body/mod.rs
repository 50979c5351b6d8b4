//! The two bodies of an exchange: the one that goes to the upstream and the one that comes back.
//!
//! Each watches its own progress: a body that is asked for more and gets nothing for too long ends with [`Silent`].
//! What else arrives on the connection does not count.

mod request;
mod response;
mod silence;

use std::pin::Pin;

use bytes::Bytes;

pub(crate) use request::{RequestBody, Upload, UploadState};
pub(crate) use response::Body;
pub(crate) use silence::{Silence, Silent};

/// What a body may fail with.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body of any other codec.
pub(crate) type AnyBody = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError>>>;
