//! Bodies: those that can be sent a second time, and those that were read ahead.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::{fmt, io};

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead as _, ReadBuf};

use crate::BoxError;

/// A request body that may be sent again from its start.
pub trait Rewind: Sized {
    /// The same body from its start, asked for before this one is sent; `None` if there is only
    /// this one.
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

impl Rewind for Body {
    fn rewind(&self) -> Option<Self> {
        match &self.0 {
            Kind::Bytes(bytes) => Some(Self(Kind::Bytes(bytes.clone()))),
            Kind::Source { open, .. } => Some(Self::source(Arc::clone(open))),
            Kind::Once(_) => None,
        }
    }
}

type Boxed = UnsyncBoxBody<Bytes, BoxError>;
type Open = Arc<dyn Fn() -> Boxed + Send + Sync>;

/// The body of a request of [`Client`](crate::Client).
#[derive(Default)]
pub struct Body(Kind);

enum Kind {
    Bytes(Option<Bytes>),
    Source { open: Open, current: Boxed },
    Once(Boxed),
}

impl Default for Kind {
    fn default() -> Self {
        Self::Bytes(None)
    }
}

impl Body {
    /// No body.
    pub fn empty() -> Self {
        Self::default()
    }

    /// One that is opened anew each time it is sent, as a file is.
    pub fn reopened(
        open: impl Fn() -> UnsyncBoxBody<Bytes, BoxError> + Send + Sync + 'static,
    ) -> Self {
        Self::source(Arc::new(open))
    }

    /// A file, read as it is sent and opened anew each time.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn file(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        drop(std::fs::File::open(&path)?);
        Ok(Self::reopened(move || FileBody::open(&path).boxed_unsync()))
    }

    /// One that can be sent only once: a 426 to it is not followed (rule 18).
    pub fn once(body: impl HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static) -> Self {
        Self(Kind::Once(body.map_err(Into::into).boxed_unsync()))
    }

    fn source(open: Open) -> Self {
        let current = open();
        Self(Kind::Source { open, current })
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self(Kind::Bytes(Some(bytes.into()).filter(|bytes| !bytes.is_empty())))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Kind::Bytes(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Source { current, .. } => Pin::new(current).poll_frame(cx),
            Kind::Once(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Bytes(bytes) => bytes.is_none(),
            Kind::Source { current, .. } => current.is_end_stream(),
            Kind::Once(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Bytes(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Kind::Source { current, .. } => current.size_hint(),
            Kind::Once(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("size", &self.size_hint()).finish_non_exhaustive()
    }
}

/// How much of a file is read at a time.
const CHUNK: usize = 64 * 1024;

/// A file on its way out.
struct FileBody {
    file: io::Result<tokio::fs::File>,
    left: u64,
    chunk: BytesMut,
}

impl FileBody {
    fn open(path: &Path) -> Self {
        let file = std::fs::File::open(path);
        let left = file
            .as_ref()
            .ok()
            .and_then(|file| file.metadata().ok())
            .map_or(0, |metadata| metadata.len());
        Self { file: file.map(tokio::fs::File::from_std), left, chunk: BytesMut::new() }
    }
}

impl HttpBody for FileBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if this.left == 0 && this.file.is_ok() {
            return Poll::Ready(None);
        }
        let file = match &mut this.file {
            Ok(file) => file,
            Err(error) => {
                return Poll::Ready(Some(Err(
                    io::Error::new(error.kind(), error.to_string()).into()
                )));
            }
        };
        this.chunk.resize(CHUNK.min(usize::try_from(this.left).unwrap_or(CHUNK)), 0);
        let mut buffer = ReadBuf::new(&mut this.chunk);
        if let Err(error) = ready!(Pin::new(file).poll_read(cx, &mut buffer)) {
            return Poll::Ready(Some(Err(error.into())));
        }
        let read = buffer.filled().len();
        if read == 0 {
            return Poll::Ready(Some(Err("the file has become shorter".into())));
        }
        this.left -= read as u64;
        Poll::Ready(Some(Ok(Frame::data(this.chunk.split_to(read).freeze()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && self.file.is_ok()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

pin_project! {
    /// The body of a response that came through [`Follow`](crate::Follow).
    #[derive(Debug)]
    pub struct FollowBody<B> {
        #[pin]
        inner: B,
    }
}

impl<B> FollowBody<B> {
    pub(crate) fn new(inner: B) -> Self {
        Self { inner }
    }
}

impl<B> HttpBody for FollowBody<B>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(self.project().inner.poll_frame(cx));
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => Ok(frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))),
            Err(error) => Err(error.into()),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The first `limit` bytes of a body, as many as come before it fails.
pub(crate) async fn read_start<B>(body: B, limit: usize, into: &mut Vec<u8>)
where
    B: HttpBody,
{
    let mut body = std::pin::pin!(body);
    while let Some(Ok(frame)) = body.as_mut().frame().await {
        if let Ok(mut data) = frame.into_data() {
            while data.has_remaining() && into.len() < limit {
                let chunk = data.chunk();
                let taken = chunk.len().min(limit - into.len());
                into.extend_from_slice(&chunk[..taken]);
                data.advance(taken);
            }
        }
        if into.len() >= limit {
            return;
        }
    }
}
