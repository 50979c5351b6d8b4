//! Content that can be sent a second time while it is short.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};

use super::{BodyError, RequestBody};

/// The length up to which content is kept.
const KEPT: usize = 64 * 1024;

type Polled = Poll<Option<Result<Frame<Bytes>, BodyError>>>;

/// The content of a request that is being sent. One handle is the codec's; the other can take the
/// content back, and while there is another, what the codec takes is kept.
#[derive(Clone)]
pub(crate) struct Replay(Rc<RefCell<Content>>);

struct Content {
    /// What was taken before, and is sent again.
    first: VecDeque<Bytes>,
    rest: RequestBody,
    /// What was taken; `None` if that is too much, or not wanted.
    taken: Option<VecDeque<Bytes>>,
}

impl Replay {
    /// Content of which nothing is taken yet.
    pub(super) fn of(rest: RequestBody) -> Self {
        Self::new(VecDeque::new(), rest, Some(VecDeque::new()))
    }

    fn new(first: VecDeque<Bytes>, rest: RequestBody, taken: Option<VecDeque<Bytes>>) -> Self {
        Self(Rc::new(RefCell::new(Content { first, rest, taken })))
    }

    /// The content, if all of it is there; the other handle has none from then on.
    pub(crate) fn take_back(self) -> Option<RequestBody> {
        let content = &mut *self.0.borrow_mut();
        let taken = content.taken.take()?;
        let rest = mem::replace(&mut content.rest, RequestBody::empty());
        if taken.is_empty() {
            return Some(rest);
        }
        rest.wait_for_upstream();
        Some(RequestBody::replay(Self::new(taken, rest, None)))
    }

    pub(super) fn poll_frame(&self, cx: &mut Context<'_>) -> Polled {
        let is_wanted = Rc::strong_count(&self.0) > 1;
        let content = &mut *self.0.borrow_mut();
        if let Some(piece) = content.first.pop_front() {
            if content.first.is_empty() && content.rest.is_end_stream() {
                content.rest.done();
            }
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let polled = Pin::new(&mut content.rest).poll_frame(cx);
        if let Poll::Ready(Some(frame)) = &polled {
            let data = frame.as_ref().ok().and_then(Frame::data_ref);
            content.keep(data.filter(|_| is_wanted));
        }
        polled
    }

    pub(super) fn is_end_stream(&self) -> bool {
        let content = self.0.borrow();
        content.first.is_empty() && content.rest.is_end_stream()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let content = self.0.borrow();
        let first: usize = content.first.iter().map(Bytes::len).sum();
        let rest = content.rest.size_hint().exact();
        rest.map_or_else(SizeHint::default, |rest| SizeHint::with_exact(first as u64 + rest))
    }
}

impl Content {
    /// Keeps the piece that was taken; none, or too long a one, and the content is no longer whole.
    fn keep(&mut self, data: Option<&Bytes>) {
        let Some(taken) = &mut self.taken else { return };
        let length: usize = taken.iter().map(Bytes::len).sum();
        match data {
            Some(data) if length + data.len() <= KEPT => taken.push_back(data.clone()),
            _ => self.taken = None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use http_body_util::BodyExt;

    use super::*;

    /// KIND: content that is lost, doubled or of another length when it is sent again.
    #[tokio::test]
    async fn short_content_is_sent_again_whole() {
        for takes in [false, true] {
            let mut body = RequestBody::whole(Bytes::from_static(b"content"));
            let replay = body.kept();
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

    /// KIND: a part of the content, sent as if it were all.
    #[tokio::test]
    async fn long_content_is_not_sent_again() {
        let mut body = RequestBody::whole(Bytes::from(vec![0; KEPT + 1]));
        let replay = body.kept();
        body.frame().await.unwrap().unwrap();
        assert!(replay.take_back().is_none());
    }
}
