//! Response bodies.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use pin_project_lite::pin_project;

use crate::BoxError;

/// The body of a response of [`HyperTransport`](crate::HyperTransport).
pub type TransportBody = UnsyncBoxBody<Bytes, BoxError>;

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
        let frame = match ready!(self.project().inner.poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            None => return Poll::Ready(None),
        };
        // This copies nothing where the data are `Bytes` already.
        let as_bytes = frame.map_data(|mut data| data.copy_to_bytes(data.remaining()));
        Poll::Ready(Some(Ok(as_bytes)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Reads the first `limit` bytes of a body, as many as arrive before it fails.
///
/// They go into `start` and not into the return value, so that a caller who drops this future keeps
/// the bytes that have arrived.
pub(crate) async fn read_start<B>(body: B, limit: usize, start: &mut Vec<u8>)
where
    B: HttpBody,
{
    let mut pinned = std::pin::pin!(body);
    while let Some(Ok(frame)) = pinned.as_mut().frame().await {
        // Trailers are not content.
        let Ok(mut data) = frame.into_data() else { continue };
        while data.has_remaining() && start.len() < limit {
            let chunk = data.chunk();
            let taken = chunk.len().min(limit - start.len());
            start.extend_from_slice(&chunk[..taken]);
            data.advance(taken);
        }
        if start.len() >= limit {
            return;
        }
    }
}
