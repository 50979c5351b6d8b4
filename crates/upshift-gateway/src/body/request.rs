//! The body of a request, on its way to the upstream.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Version};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::{AnyBody, BodyError, Replay, Silence, Unfinished, is_unfinished};
use crate::fields::trailers::TrailerFilter;
use crate::framing::chunks::BadChunk;
use crate::progress::activity::Activity;

/// The body of a request.
///
/// Dropped before its end, it notes in the [`Activity`] that the client may still be sending.
pub(crate) struct RequestBody {
    kind: Kind,
    /// Read already, to see whether there is content.
    first: Option<Bytes>,
    activity: Option<Rc<Activity>>,
    upload: Option<Rc<Upload>>,
    silence: Option<Silence>,
    trailers: Option<TrailerFilter>,
}

enum Kind {
    Empty,
    /// From a connection of this version.
    Hyper(Incoming, Version),
    /// From a codec that is not hyper's.
    Any(AnyBody),
    /// It is kept as it is sent.
    Kept(Replay),
}

type Polled = Poll<Option<Result<Frame<Bytes>, BodyError>>>;

/// The progress of a request's body.
pub(crate) struct Upload {
    moved: Cell<Instant>,
    state: Cell<UploadState>,
}

/// The side that an upload waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UploadState {
    /// The upstream: it has not asked for the next piece.
    Upstream,
    /// The client: the next piece has been asked for.
    Client,
    /// Neither: the upstream has it all.
    Done,
    /// Neither: the client broke it off, or sent something that is no body.
    Failed,
    /// Neither: the client stopped sending.
    Stalled,
}

impl Upload {
    /// The state, and since when.
    pub(crate) fn state(&self) -> (UploadState, Instant) {
        (self.state.get(), self.moved.get())
    }

    fn enter(&self, state: UploadState) {
        if self.state.replace(state) != state || state == UploadState::Upstream {
            self.moved.set(Instant::now());
        }
    }
}

impl RequestBody {
    fn new(kind: Kind, silence: Option<Silence>) -> Self {
        Self { kind, first: None, activity: None, upload: None, silence, trailers: None }
    }

    /// No body.
    pub(crate) fn empty() -> Self {
        Self::new(Kind::Empty, None)
    }

    /// The request with a body that hyper reads from the connection of `activity`; the client may
    /// pause for `idle`.
    pub(crate) fn hyper(
        request: Request<Incoming>,
        activity: &Rc<Activity>,
        idle: Duration,
    ) -> Request<Self> {
        let version = request.version();
        request.map(|body| Self::incoming(body, version, activity, idle))
    }

    fn incoming(body: Incoming, version: Version, activity: &Rc<Activity>, idle: Duration) -> Self {
        if body.is_end_stream() {
            return Self::empty();
        }
        let mut body = Self::new(Kind::Hyper(body, version), Some(Silence::new(idle)));
        body.activity = Some(Rc::clone(activity));
        body
    }

    /// A body that another codec reads; the client may pause for `idle`.
    pub(crate) fn any(body: AnyBody, idle: Duration) -> Self {
        Self::new(Kind::Any(body), Some(Silence::new(idle)))
    }

    /// A body that is known whole.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            return Self::empty();
        }
        Self::new(Kind::Any(Box::pin(Full::new(bytes).map_err(|never| match never {}))), None)
    }

    /// Content that was taken back, to be sent again.
    pub(super) fn replay(content: Replay) -> Self {
        Self::new(Kind::Kept(content), None)
    }

    /// Keeps from now on what is taken of it, and returns the handle to take it back.
    pub(crate) fn kept(&mut self) -> Replay {
        let replay = Replay::of(std::mem::replace(self, Self::empty()));
        self.kind = Kind::Kept(replay.clone());
        replay
    }

    /// Tells whether there is nothing to read.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.kind, Kind::Empty)
    }

    /// The exact length, if it is known.
    pub(crate) fn length(&self) -> Option<u64> {
        self.size_hint().exact()
    }

    /// Finds out whether there is content, where the length is not declared and the method has none
    /// as a rule: such a request must not become a chunked one, nor have a `Content-Type` that
    /// means anything.
    ///
    /// # Errors
    /// If the client broke off, or waited too long.
    pub(crate) async fn settled(mut self, method: &Method) -> Result<Self, BodyError> {
        let has_content =
            matches!(*method, Method::POST | Method::PUT | Method::PATCH | Method::CONNECT);
        if self.is_empty() || has_content || self.length().is_some() {
            return Ok(self);
        }
        loop {
            match self.frame().await.transpose()?.map(Frame::into_data) {
                Some(Ok(data)) if data.is_empty() => {}
                Some(Ok(data)) => {
                    self.first = Some(data);
                    return Ok(self);
                }
                Some(Err(_)) => {}
                None => return Ok(Self::empty()),
            }
        }
    }

    /// Passes on of the trailers only what `filter` lets through.
    pub(crate) fn filtered(mut self, filter: TrailerFilter) -> Self {
        self.trailers = Some(filter);
        self
    }

    /// Records from now on how far the body has come.
    pub(crate) fn watched(&mut self) -> Rc<Upload> {
        let state = if self.is_empty() { UploadState::Done } else { UploadState::Upstream };
        let upload = Rc::new(Upload { moved: Cell::new(Instant::now()), state: Cell::new(state) });
        self.upload = Some(Rc::clone(&upload));
        upload
    }

    /// Waits until there is a next piece or none, and records what came of it.
    fn noted(&mut self, polled: Polled, cx: &mut Context<'_>) -> Polled {
        let Poll::Ready(ready) = polled else {
            if self.activity.as_ref().is_some_and(|activity| activity.is_content_broken(cx)) {
                self.enter(UploadState::Failed);
                return Poll::Ready(Some(Err(BadChunk.into())));
            }
            self.enter(UploadState::Client);
            let Some(Poll::Ready(silent)) = self.silence.as_mut().map(|silence| silence.poll(cx))
            else {
                return Poll::Pending;
            };
            self.enter(UploadState::Stalled);
            return Poll::Ready(Some(Err(silent.into())));
        };
        if let Some(silence) = &mut self.silence {
            silence.ended();
        }
        let state = match &ready {
            Some(Err(_)) => UploadState::Failed,
            Some(Ok(_)) if !self.is_end_stream() => UploadState::Upstream,
            _ => UploadState::Done,
        };
        if state == UploadState::Done {
            self.activity = None;
        }
        self.enter(state);
        Poll::Ready(ready)
    }

    /// Records that it waits for the upstream.
    pub(super) fn wait_for_upstream(&self) {
        self.enter(UploadState::Upstream);
    }

    /// Records that the upstream has it all.
    pub(super) fn done(&self) {
        self.enter(UploadState::Done);
    }

    fn enter(&self, state: UploadState) {
        if let Some(upload) = &self.upload {
            upload.enter(state);
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(activity) = &self.activity {
            activity.leave_unread();
        }
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let polled = match &mut self.kind {
            Kind::Empty => return Poll::Ready(None),
            Kind::Hyper(body, version) => {
                match Pin::new(&mut *body).poll_frame(cx).map_err(BodyError::from) {
                    Poll::Ready(None) if is_unfinished(body, *version) => {
                        Poll::Ready(Some(Err(Unfinished.into())))
                    }
                    polled => polled,
                }
            }
            Kind::Any(body) => body.as_mut().poll_frame(cx),
            Kind::Kept(content) => return content.poll_frame(cx),
        };
        let mut noted = self.noted(polled, cx);
        if let Poll::Ready(Some(Ok(frame))) = &mut noted
            && let (Some(trailers), Some(filter)) = (frame.trailers_mut(), &self.trailers)
        {
            filter.apply(trailers);
        }
        noted
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none()
            && match &self.kind {
                Kind::Empty => true,
                Kind::Hyper(body, _) => body.is_end_stream(),
                Kind::Any(body) => body.is_end_stream(),
                Kind::Kept(content) => content.is_end_stream(),
            }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            // What was read already belongs to a body of unknown length.
            _ if self.first.is_some() => SizeHint::default(),
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Hyper(body, _) => body.size_hint(),
            Kind::Any(body) => body.size_hint(),
            Kind::Kept(content) => content.size_hint(),
        }
    }
}
