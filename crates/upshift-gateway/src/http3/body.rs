//! Bodies over HTTP/3: the request's as the gateway reads it, the answer's as the codec wants it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h3::error::Code;
use h3::server::RequestStream;
use http::{HeaderMap, Method, header};
use http_body::{Frame, SizeHint};

use crate::body::BodyError;

/// The receiving half of a request's stream.
type Receiver = RequestStream<h3_quinn::RecvStream, Bytes>;

/// What a client sends after its header section.
pub(super) struct Upload {
    stream: Receiver,
    /// Read already, to see whether there is anything.
    first: Option<Bytes>,
    left: Option<u64>,
    stage: Stage,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Content,
    Trailers,
    Done,
}

impl Upload {
    /// The content of a request with `headers`; `None` if it has none.
    ///
    /// Without `Content-Length` only the end of the stream tells. A method that has no content as a rule is not begun
    /// before that is known, so that its request does not become a chunked one towards the upstream.
    ///
    /// # Errors
    /// If the client broke off.
    pub(super) async fn begin(
        mut stream: Receiver,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Option<Self>, BodyError> {
        let left = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if left == Some(0) {
            return Ok(None);
        }
        let mut first = None;
        if left.is_none() && !matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
            match stream.recv_data().await? {
                Some(data) => first = Some(whole(data)),
                None => return Ok(None),
            }
        }
        Ok(Some(Self { stream, first, left, stage: Stage::Content }))
    }

    fn poll_content(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        match ready!(self.stream.poll_recv_data(cx)) {
            Ok(data) => Poll::Ready(data.map(whole).map(Ok)),
            Err(error) => Poll::Ready(Some(Err(error.into()))),
        }
    }
}

/// The bytes of one DATA frame, or of the part of it that has come.
fn whole(mut data: impl Buf) -> Bytes {
    data.copy_to_bytes(data.remaining())
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.stage == Stage::Content {
            match ready!(self.poll_content(cx)) {
                Some(Ok(data)) => {
                    self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => {
                    self.stage = Stage::Done;
                    return Poll::Ready(Some(Err(error)));
                }
                // RFC 9114 §4.1.2: content that is shorter than Content-Length is malformed.
                None if self.left.is_some_and(|left| left > 0) => {
                    self.stage = Stage::Done;
                    return Poll::Ready(Some(Err("the content is shorter than Content-Length".into())));
                }
                None => self.stage = Stage::Trailers,
            }
        }
        if self.stage == Stage::Trailers {
            let trailers = ready!(self.stream.poll_recv_trailers(cx));
            self.stage = Stage::Done;
            return Poll::Ready(trailers.map(|trailers| trailers.map(Frame::trailers)).map_err(Into::into).transpose());
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.stage == Stage::Done
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // RFC 9114 §4.1: the client is asked to stop sending what nobody will read, "without error".
        if self.stage != Stage::Done {
            self.stream.stop_sending(Code::H3_NO_ERROR);
        }
    }
}
