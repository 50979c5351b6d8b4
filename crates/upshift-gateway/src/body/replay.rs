//! Request content that can be sent again, up to a bounded length.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{BodyError, PolledFrame};

/// The length up to which content is kept, in bytes.
const MAX_KEPT: usize = 64 * 1024;

/// A handle to the content of a request that is being sent. hyper has one handle; the other can
/// take the content back. As long as the other one exists, the pieces that hyper takes are kept.
pub(crate) struct Replay<B>(Rc<RefCell<ReplayContent<B>>>);

/// A body whose content can be kept and sent again.
pub(crate) trait ReplaySource:
    Body<Data = Bytes, Error = BodyError> + Unpin + Sized
{
    /// A body without content.
    fn without_content() -> Self;
    /// Content that was taken back, to be sent again.
    fn from_replay(replay: Replay<Self>) -> Self;
    /// Hands the progress of the upload over to the next attempt.
    fn wait_for_upstream(&self);
    /// Marks the upload as finished.
    fn finish_upload(&self);
}

struct ReplayContent<B> {
    /// The pieces that were sent before, to be sent again.
    first: VecDeque<Bytes>,
    rest: B,
    /// The pieces that were taken; `None` if they are too long, or not needed.
    taken: Option<VecDeque<Bytes>>,
}

impl<B> Clone for Replay<B> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<B: ReplaySource> Replay<B> {
    /// Content of which nothing was taken yet.
    pub(super) fn from_body(rest: B) -> Self {
        Self::new(VecDeque::new(), rest, Some(VecDeque::new()))
    }

    fn new(first: VecDeque<Bytes>, rest: B, taken: Option<VecDeque<Bytes>>) -> Self {
        Self(Rc::new(RefCell::new(ReplayContent { first, rest, taken })))
    }

    /// Takes back the content, if all of it was kept. The other handle is empty from then on.
    pub(crate) fn take_back(self) -> Option<B> {
        let content = &mut *self.0.borrow_mut();
        let taken = content.taken.take()?;
        let rest = mem::replace(&mut content.rest, B::without_content());
        // Nothing was sent, so the body is as good as new.
        if taken.is_empty() {
            return Some(rest);
        }
        // The progress of the upload belongs to the next attempt now.
        rest.wait_for_upstream();
        Some(B::from_replay(Self::new(taken, rest, None)))
    }

    pub(super) fn poll_frame(&self, cx: &mut Context<'_>) -> PolledFrame {
        // Without the other handle, the content cannot be taken back, and need not be kept.
        let is_wanted = Rc::strong_count(&self.0) > 1;
        let content = &mut *self.0.borrow_mut();
        if let Some(piece) = content.first.pop_front() {
            if content.first.is_empty() && content.rest.is_end_stream() {
                content.rest.finish_upload();
            }
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let polled = Pin::new(&mut content.rest).poll_frame(cx);
        if let Poll::Ready(Some(frame)) = &polled {
            let data = match frame {
                Ok(frame) if is_wanted => frame.data_ref(),
                _ => None,
            };
            content.keep_piece(data);
        }
        polled
    }

    pub(super) fn is_end_stream(&self) -> bool {
        let content = self.0.borrow();
        content.first.is_empty() && content.rest.is_end_stream()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let content = self.0.borrow();
        let Some(rest) = content.rest.size_hint().exact() else { return SizeHint::default() };
        let first: usize = content.first.iter().map(Bytes::len).sum();
        SizeHint::with_exact(first as u64 + rest)
    }
}

impl<B> ReplayContent<B> {
    /// Keeps a piece that was taken. Without a piece, or beyond the bound, the content is no longer
    /// whole, and all of it is dropped.
    fn keep_piece(&mut self, data: Option<&Bytes>) {
        let Some(taken) = &mut self.taken else { return };
        let length: usize = taken.iter().map(Bytes::len).sum();
        match data {
            Some(data) if length + data.len() <= MAX_KEPT => taken.push_back(data.clone()),
            _ => self.taken = None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use http_body_util::BodyExt;

    use super::*;
    use crate::body::RequestBody;

    /// Catches content that is lost, duplicated or of another length when it is sent again.
    #[tokio::test]
    async fn short_content_is_sent_again_whole() {
        for takes in [false, true] {
            let mut body = RequestBody::from_bytes(Bytes::from_static(b"content"));
            let replay = body.keep_for_replay();
            assert_eq!(body.length(), Some(7));
            if takes {
                assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "content");
                assert!(body.is_end_stream());
            }
            let again = replay.take_back().unwrap();
            assert_eq!(again.length(), Some(7));
            assert_eq!(again.collect().await.unwrap().to_bytes(), "content");
            assert!(body.frame().await.is_none());
        }
    }

    /// Catches partial content that is resent as if it were complete.
    #[tokio::test]
    async fn long_content_is_not_sent_again() {
        let mut body = RequestBody::from_bytes(Bytes::from(vec![0; MAX_KEPT + 1]));
        let replay = body.keep_for_replay();
        body.frame().await.unwrap().unwrap();
        assert!(replay.take_back().is_none());
    }
}
