//! Request bodies that can be sent a second time.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::{fmt, io};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};

use crate::BoxError;
use crate::file_body::FileBody;

/// A request body that may be sent again from its start.
pub trait Rewind: Sized {
    /// Returns the same body from its start, or `None` if it can be sent only once. It is called
    /// before this one is sent.
    fn rewind(&self) -> Option<Self>;
}

impl Rewind for Full<Bytes> {
    fn rewind(&self) -> Option<Self> {
        Some(self.clone())
    }
}

impl Rewind for Empty<Bytes> {
    fn rewind(&self) -> Option<Self> {
        Some(Self::new())
    }
}

type Boxed = UnsyncBoxBody<Bytes, BoxError>;
type OpenBody = Arc<dyn Fn() -> Boxed + Send + Sync>;

/// The body of a request of [`Client`](crate::Client).
#[derive(Default)]
pub struct SendBody(SendBodyKind);

enum SendBodyKind {
    /// `None` for an empty body, and once the bytes are sent.
    Bytes(Option<Bytes>),
    Reopened {
        open: OpenBody,
        current: Boxed,
    },
    Once(Boxed),
}

impl Default for SendBodyKind {
    fn default() -> Self {
        Self::Bytes(None)
    }
}

impl SendBody {
    /// No body.
    pub fn empty() -> Self {
        Self::default()
    }

    /// A body that is opened again each time it is sent.
    pub fn reopened(
        open: impl Fn() -> UnsyncBoxBody<Bytes, BoxError> + Send + Sync + 'static,
    ) -> Self {
        Self::from_opener(Arc::new(open))
    }

    /// A file, which is opened each time it is sent and read while it is sent.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn file(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path_buf = path.into();
        // Opened once here, so that a wrong path is an error before anything is sent.
        drop(std::fs::File::open(&path_buf)?);
        Ok(Self::reopened(move || FileBody::open(&path_buf).boxed_unsync()))
    }

    /// A body that can be sent only once. A 426 to it is not followed (rule 18).
    pub fn once(body: impl HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static) -> Self {
        Self(SendBodyKind::Once(body.map_err(Into::into).boxed_unsync()))
    }

    fn from_opener(open: OpenBody) -> Self {
        let current = open();
        Self(SendBodyKind::Reopened { open, current })
    }
}

impl<T: Into<Bytes>> From<T> for SendBody {
    fn from(content: T) -> Self {
        let bytes = content.into();
        Self(SendBodyKind::Bytes(if bytes.is_empty() { None } else { Some(bytes) }))
    }
}

impl Rewind for SendBody {
    fn rewind(&self) -> Option<Self> {
        match &self.0 {
            SendBodyKind::Bytes(bytes) => Some(Self(SendBodyKind::Bytes(bytes.clone()))),
            SendBodyKind::Reopened { open, .. } => Some(Self::from_opener(Arc::clone(open))),
            // Bytes that have been read from a stream are gone.
            SendBodyKind::Once(_) => None,
        }
    }
}

impl HttpBody for SendBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            SendBodyKind::Bytes(bytes) => {
                Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))))
            }
            SendBodyKind::Reopened { current, .. } => Pin::new(current).poll_frame(cx),
            SendBodyKind::Once(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            SendBodyKind::Bytes(bytes) => bytes.is_none(),
            SendBodyKind::Reopened { current, .. } => current.is_end_stream(),
            SendBodyKind::Once(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            SendBodyKind::Bytes(Some(bytes)) => SizeHint::with_exact(bytes.len() as u64),
            SendBodyKind::Bytes(None) => SizeHint::with_exact(0),
            SendBodyKind::Reopened { current, .. } => current.size_hint(),
            SendBodyKind::Once(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for SendBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendBody").field("size", &self.size_hint()).finish_non_exhaustive()
    }
}
