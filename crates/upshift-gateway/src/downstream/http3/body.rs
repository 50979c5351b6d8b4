//! The content of a request over HTTP/3.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h3::error::Code;
use h3::server::RequestStream;
use http_body::{Frame, SizeHint};

use super::transport::GuardedReceiver;
use crate::body::BodyError;

/// The receiving half of a request's stream.
type Receiver = RequestStream<GuardedReceiver, Bytes>;

/// What a client sends after its header section.
pub(super) struct H3Body {
    stream: Receiver,
    /// What is left of the length that was declared.
    left: Option<u64>,
    stage: Stage,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Content,
    Trailers,
    Done,
}

/// Content whose length is not the declared one (RFC 9114 §4.1.2): the request is malformed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum BadContent {
    #[error("the content is shorter than Content-Length")]
    Short,
    #[error("the content is longer than Content-Length")]
    Long,
}

impl H3Body {
    /// The content of a request that declared its length as `declared`.
    pub(super) fn new(stream: Receiver, declared: Option<u64>) -> Self {
        Self { stream, left: declared, stage: Stage::Content }
    }

    /// Waits for the end of a request whose content is declared to be empty.
    ///
    /// # Errors
    /// If there is content all the same.
    pub(super) async fn ends(&mut self) -> Result<(), BodyError> {
        match poll_fn(|cx| self.poll_content(cx)).await {
            Some(Err(error)) => Err(error),
            _ => Ok(()),
        }
    }

    fn poll_content(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let Some(mut data) = ready!(self.stream.poll_recv_data(cx))? else {
            let short = self.left.is_some_and(|left| left > 0);
            return Poll::Ready(short.then(|| Err(BadContent::Short.into())));
        };
        let bytes = data.copy_to_bytes(data.remaining());
        if let Some(left) = &mut self.left {
            match left.checked_sub(bytes.len() as u64) {
                Some(rest) => *left = rest,
                None => return Poll::Ready(Some(Err(BadContent::Long.into()))),
            }
        }
        Poll::Ready(Some(Ok(bytes)))
    }

    fn poll_trailers(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let trailers = ready!(self.stream.poll_recv_trailers(cx));
        self.stage = Stage::Done;
        Poll::Ready(
            trailers
                .map(|trailers| trailers.map(Frame::trailers))
                .map_err(BodyError::from)
                .transpose(),
        )
    }
}

impl http_body::Body for H3Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.stage == Stage::Content {
            match ready!(self.poll_content(cx)) {
                Some(Ok(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Some(Err(error)) => {
                    self.stream.stop_sending(Code::H3_MESSAGE_ERROR);
                    self.stage = Stage::Done;
                    return Poll::Ready(Some(Err(error)));
                }
                None => self.stage = Stage::Trailers,
            }
        }
        match self.stage {
            Stage::Trailers => self.poll_trailers(cx),
            _ => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stage == Stage::Done
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for H3Body {
    fn drop(&mut self) {
        // RFC 9114 §4.1: the client is asked to stop sending what will not be read, "without
        // error".
        if self.stage != Stage::Done {
            self.stream.stop_sending(Code::H3_NO_ERROR);
        }
    }
}
