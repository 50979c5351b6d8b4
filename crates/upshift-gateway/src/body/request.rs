//! The body of a request, on its way to the upstream.

use std::cell::Cell;
use std::mem;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Version};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::replay::{Replay, ReplaySource};
use super::{BodyError, BodyTimeout, BoxedBody, PolledFrame, TruncatedStream, is_truncated};
use crate::fields::names::{KeptNames, TrailerNames};
use crate::fields::trailers::TrailerFilter;
use crate::telemetry::exchange_report::ExchangeReport;

/// A handle to take back the content of a request.
pub(crate) type ContentReplay = Replay<RequestBody>;

/// The body of a request.
pub(crate) struct RequestBody {
    content: RequestContent,
    /// A piece that was read ahead to see if there is content, or put back.
    first: Option<Bytes>,
    upload: Option<Rc<UploadProgress>>,
    timeout: Option<BodyTimeout>,
    trailers: Option<TrailerFilter>,
    /// The names of the trailers, if they may come over HTTP/1.
    trailer_names: Option<Rc<TrailerNames>>,
    /// The report that counts the content. It may be finished before the client has sent all of it.
    report: Weak<ExchangeReport>,
}

enum RequestContent {
    Empty,
    /// From hyper, on a connection of this version.
    Hyper(Incoming, Version),
    /// From another source.
    Boxed(BoxedBody),
    /// Content that is kept while it is sent.
    Kept(Replay<RequestBody>),
}

/// The progress of a request's body.
pub(crate) struct UploadProgress {
    moved: Cell<Instant>,
    state: Cell<UploadState>,
}

/// The side that an upload waits for, or its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UploadState {
    /// It waits for the upstream, which has not polled the next piece.
    Upstream,
    /// It waits for the client: the next piece was polled.
    Client,
    /// The upstream has the whole body.
    Done,
    /// The client broke off, or its body is malformed.
    Failed,
    /// The client stopped sending.
    Stalled,
}

impl UploadProgress {
    /// The state, and the time since which it lasts.
    pub(crate) fn state(&self) -> (UploadState, Instant) {
        (self.state.get(), self.moved.get())
    }

    fn enter_state(&self, state: UploadState) {
        // Every piece that the upstream takes starts its time again.
        if self.state.replace(state) != state || state == UploadState::Upstream {
            self.moved.set(Instant::now());
        }
    }
}

impl RequestBody {
    fn new(content: RequestContent, timeout: Option<BodyTimeout>) -> Self {
        Self {
            content,
            first: None,
            upload: None,
            timeout,
            trailers: None,
            trailer_names: None,
            report: Weak::new(),
        }
    }

    /// No body.
    pub(crate) fn empty() -> Self {
        Self::new(RequestContent::Empty, None)
    }

    /// Converts a request that hyper read. The client may pause for `idle`.
    pub(crate) fn from_hyper(request: Request<Incoming>, idle: Duration) -> Request<Self> {
        let version = request.version();
        request.map(|body| Self::from_incoming(body, version, idle))
    }

    fn from_incoming(incoming: Incoming, version: Version, idle: Duration) -> Self {
        if incoming.is_end_stream() {
            return Self::empty();
        }
        let content = RequestContent::Hyper(incoming, version);
        Self::new(content, Some(BodyTimeout::new(idle)))
    }

    /// A body from a source other than hyper. The client may pause for `idle`.
    pub(crate) fn from_boxed(body: BoxedBody, idle: Duration) -> Self {
        Self::new(RequestContent::Boxed(body), Some(BodyTimeout::new(idle)))
    }

    /// A body that is already complete.
    pub(crate) fn from_bytes(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            return Self::empty();
        }
        let body = Full::new(bytes).map_err(|never| match never {});
        Self::new(RequestContent::Boxed(Box::pin(body)), None)
    }

    /// Keeps the pieces of this body from now on, and returns the handle to take them back.
    pub(crate) fn keep_for_replay(&mut self) -> ContentReplay {
        // hyper gets this body, with one handle to the old one inside; the caller gets the other.
        let replay = Replay::from_body(mem::replace(self, Self::empty()));
        self.content = RequestContent::Kept(replay.clone());
        replay
    }

    /// Puts back a piece that was taken and not sent, to be taken again first.
    pub(crate) fn put_back(&mut self, piece: Bytes) {
        debug_assert!(self.first.is_none(), "put back twice");
        self.first = Some(piece);
    }

    /// Returns true if there is no content.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.content, RequestContent::Empty)
    }

    /// The exact length, if it is known.
    pub(crate) fn length(&self) -> Option<u64> {
        self.size_hint().exact()
    }

    /// Returns true if the length is not declared and the method usually has no content, so that
    /// only reading shows if there is any.
    pub(crate) fn may_be_empty(&self, method: &Method) -> bool {
        let has_content =
            matches!(*method, Method::POST | Method::PUT | Method::PATCH | Method::CONNECT);
        !(self.is_empty() || has_content || self.length().is_some())
    }

    /// Reads until it is known if there is content. A request without content must not be forwarded
    /// as a chunked one, and its `Content-Type` has no meaning.
    ///
    /// # Errors
    /// If the client broke off or did not send in time.
    pub(crate) async fn detect_content(mut self) -> Result<Self, BodyError> {
        loop {
            let Some(frame) = self.frame().await else { return Ok(Self::empty()) };
            // Empty pieces and trailers are no content.
            if let Ok(data) = frame?.into_data()
                && !data.is_empty()
            {
                self.first = Some(data);
                return Ok(self);
            }
        }
    }

    /// Removes the trailers that `filter` does not let through.
    pub(crate) fn with_trailer_filter(mut self, filter: TrailerFilter) -> Self {
        self.trailers = Some(filter);
        self
    }

    /// Takes the names of the trailers from `names` when they have arrived.
    pub(crate) fn with_trailer_names(mut self, names: Rc<TrailerNames>) -> Self {
        self.trailer_names = Some(names);
        self
    }

    /// Takes the names of the trailers that were polled, if they came over HTTP/1.
    pub(crate) fn take_trailer_names(&self) -> Option<Box<KeptNames>> {
        self.trailer_names.as_ref()?.take()
    }

    /// Counts the content in `report` from now on.
    pub(crate) fn count_in(mut self, report: &Rc<ExchangeReport>) -> Self {
        self.report = Rc::downgrade(report);
        self
    }

    /// Records the progress of the body from now on.
    pub(crate) fn track_upload(&mut self) -> Rc<UploadProgress> {
        let state = if self.is_empty() { UploadState::Done } else { UploadState::Upstream };
        let (moved, state) = (Cell::new(Instant::now()), Cell::new(state));
        let upload = Rc::new(UploadProgress { moved, state });
        self.upload = Some(Rc::clone(&upload));
        upload
    }

    /// Records the result of a poll, and fails a wait that is too long.
    fn record_poll(&mut self, polled: PolledFrame, cx: &mut Context<'_>) -> PolledFrame {
        let Poll::Ready(frame) = polled else { return self.record_wait(cx) };
        if let Some(timeout) = &mut self.timeout {
            timeout.reset();
        }
        let state = match &frame {
            Some(Err(_)) => UploadState::Failed,
            Some(Ok(_)) if !self.is_end_stream() => UploadState::Upstream,
            _ => UploadState::Done,
        };
        self.enter_state(state);
        Poll::Ready(frame)
    }

    fn record_wait(&mut self, cx: &mut Context<'_>) -> PolledFrame {
        self.enter_state(UploadState::Client);
        if let Some(timeout) = &mut self.timeout
            && let Poll::Ready(timed_out) = timeout.poll_expired(cx)
        {
            self.enter_state(UploadState::Stalled);
            return Poll::Ready(Some(Err(timed_out.into())));
        }
        Poll::Pending
    }

    fn enter_state(&self, state: UploadState) {
        if let Some(upload) = &self.upload {
            upload.enter_state(state);
        }
    }
}

impl ReplaySource for RequestBody {
    fn without_content() -> Self {
        Self::empty()
    }

    fn from_replay(replay: Replay<Self>) -> Self {
        Self::new(RequestContent::Kept(replay), None)
    }

    fn wait_for_upstream(&self) {
        self.enter_state(UploadState::Upstream);
    }

    fn finish_upload(&self) {
        self.enter_state(UploadState::Done);
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> PolledFrame {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let polled = match &mut self.content {
            RequestContent::Empty => return Poll::Ready(None),
            RequestContent::Hyper(body, version) => {
                match Pin::new(&mut *body).poll_frame(cx).map_err(BodyError::from) {
                    Poll::Ready(None) if is_truncated(body, *version) => {
                        Poll::Ready(Some(Err(TruncatedStream.into())))
                    }
                    polled => polled,
                }
            }
            RequestContent::Boxed(body) => body.as_mut().poll_frame(cx),
            // The body inside records its own progress.
            RequestContent::Kept(replay) => return replay.poll_frame(cx),
        };
        let mut recorded = self.record_poll(polled, cx);
        if let Poll::Ready(Some(Ok(frame))) = &mut recorded {
            if let Some(data) = frame.data_ref()
                && let Some(report) = self.report.upgrade()
            {
                report.add_bytes_in(data.len() as u64);
            }
            if let (Some(trailers), Some(filter)) = (frame.trailers_mut(), &self.trailers) {
                filter.remove_forbidden(trailers);
            }
        }
        recorded
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none()
            && match &self.content {
                RequestContent::Empty => true,
                RequestContent::Hyper(body, _) => body.is_end_stream(),
                RequestContent::Boxed(body) => body.is_end_stream(),
                RequestContent::Kept(replay) => replay.is_end_stream(),
            }
    }

    fn size_hint(&self) -> SizeHint {
        let hint = match &self.content {
            RequestContent::Empty => SizeHint::with_exact(0),
            RequestContent::Hyper(body, _) => body.size_hint(),
            RequestContent::Boxed(body) => body.size_hint(),
            RequestContent::Kept(replay) => replay.size_hint(),
        };
        match (&self.first, hint.exact()) {
            (None, _) => hint,
            (Some(first), Some(rest)) => SizeHint::with_exact(first.len() as u64 + rest),
            (Some(_), None) => SizeHint::default(),
        }
    }
}
