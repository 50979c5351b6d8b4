//! The body of a response: the service's, or the refusal's.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// The body of a response that came through [`Upgrade`](crate::Upgrade).
    #[derive(Debug)]
    pub struct UpgradeBody<B> {
        #[pin]
        source: UpgradeBodySource<B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = PinnedSource]
    enum UpgradeBodySource<B> {
        Service { #[pin] body: B },
        // `None` once the bytes are sent, or if there are none.
        Refusal { unsent: Option<Bytes> },
    }
}

impl<B> UpgradeBody<B> {
    pub(crate) fn from_service(body: B) -> Self {
        Self { source: UpgradeBodySource::Service { body } }
    }

    pub(crate) fn from_refusal(bytes: Vec<u8>) -> Self {
        // An empty body is at its end from the start, so that the codec sends no content.
        let unsent = if bytes.is_empty() { None } else { Some(Bytes::from(bytes)) };
        Self { source: UpgradeBodySource::Refusal { unsent } }
    }
}

impl<B: Body<Data = Bytes>> Body for UpgradeBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().source.project() {
            PinnedSource::Service { body } => body.poll_frame(cx),
            PinnedSource::Refusal { unsent } => {
                Poll::Ready(unsent.take().map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            UpgradeBodySource::Service { body } => body.is_end_stream(),
            UpgradeBodySource::Refusal { unsent } => unsent.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            UpgradeBodySource::Service { body } => body.size_hint(),
            UpgradeBodySource::Refusal { unsent: Some(bytes) } => {
                SizeHint::with_exact(bytes.len() as u64)
            }
            UpgradeBodySource::Refusal { unsent: None } => SizeHint::with_exact(0),
        }
    }
}
