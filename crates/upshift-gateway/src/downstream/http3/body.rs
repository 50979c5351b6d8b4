//! The body of an HTTP/3 request.

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
type RequestReceiver = RequestStream<GuardedReceiver, Bytes>;

/// The content and trailers of a request.
pub(super) struct H3Body {
    stream: RequestReceiver,
    /// The bytes of the declared length that are still to come.
    left: Option<u64>,
    state: H3BodyState,
}

#[derive(PartialEq, Eq)]
enum H3BodyState {
    Content,
    Trailers,
    Done,
}

/// Content of another length than the declared one (RFC 9114 §4.1.2): the request is malformed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum BadContent {
    #[error("the content is shorter than Content-Length")]
    Short,
    #[error("the content is longer than Content-Length")]
    Long,
}

impl H3Body {
    /// The body of a request whose `Content-Length` is `declared`.
    pub(super) fn new(stream: RequestReceiver, declared: Option<u64>) -> Self {
        Self { stream, left: declared, state: H3BodyState::Content }
    }

    /// Waits for the end of a request that declared to have no content.
    ///
    /// # Errors
    /// If there is content.
    pub(super) async fn expect_end(&mut self) -> Result<(), BodyError> {
        match poll_fn(|cx| self.poll_content(cx)).await {
            Some(Err(error)) => Err(error),
            _ => Ok(()),
        }
    }

    fn poll_content(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let Some(mut data) = ready!(self.stream.poll_recv_data(cx))? else {
            return Poll::Ready(match self.left {
                Some(1..) => Some(Err(BadContent::Short.into())),
                _ => None,
            });
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
        let received = ready!(self.stream.poll_recv_trailers(cx));
        self.state = H3BodyState::Done;
        Poll::Ready(match received {
            Ok(Some(trailers)) => Some(Ok(Frame::trailers(trailers))),
            Ok(None) => None,
            Err(error) => Some(Err(error.into())),
        })
    }
}

impl http_body::Body for H3Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.state == H3BodyState::Content {
            match ready!(self.poll_content(cx)) {
                Some(Ok(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Some(Err(error)) => {
                    self.stream.stop_sending(Code::H3_MESSAGE_ERROR);
                    self.state = H3BodyState::Done;
                    return Poll::Ready(Some(Err(error)));
                }
                None => self.state = H3BodyState::Trailers,
            }
        }
        match self.state {
            H3BodyState::Trailers => self.poll_trailers(cx),
            _ => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.state == H3BodyState::Done
    }

    fn size_hint(&self) -> SizeHint {
        match self.left {
            Some(left) => SizeHint::with_exact(left),
            None => SizeHint::default(),
        }
    }
}

impl Drop for H3Body {
    fn drop(&mut self) {
        // RFC 9114 §4.1: the client is asked to stop sending content that will not be read,
        // "without error".
        if self.state != H3BodyState::Done {
            self.stream.stop_sending(Code::H3_NO_ERROR);
        }
    }
}
