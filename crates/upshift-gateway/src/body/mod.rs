//! The two bodies of an exchange: the one that goes to the upstream and the one that comes back.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::pulse::{InFlight, Pulse};
use crate::upstream::Lease;

/// What a body may fail with.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body of any other codec.
pub(crate) type AnyBody = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError>>>;

/// The body of a request, on its way to the upstream.
///
/// Dropped before its end, it notes in the [`Pulse`] that the client may still be sending.
pub(crate) struct RequestBody {
    kind: RequestKind,
    pulse: Option<Rc<Pulse>>,
    upload: Option<Rc<Upload>>,
}

enum RequestKind {
    Empty,
    Hyper(Incoming),
    /// From a codec that is not hyper's.
    Any(AnyBody),
}

/// How far the body of a request has come.
pub(crate) struct Upload {
    moved: Cell<Instant>,
    state: Cell<UploadState>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum UploadState {
    Open,
    Done,
    Failed,
}

impl Upload {
    /// When the upstream had all that there is so far; `None` while the client owes more.
    pub(crate) fn complete_since(&self) -> Option<Instant> {
        (self.state.get() == UploadState::Done).then(|| self.moved.get())
    }

    /// Whether the client broke it off, or sent something that is no body.
    pub(crate) fn failed(&self) -> bool {
        self.state.get() == UploadState::Failed
    }
}

impl RequestBody {
    /// No body.
    pub(crate) fn empty() -> Self {
        Self { kind: RequestKind::Empty, pulse: None, upload: None }
    }

    /// A body that hyper reads from the connection of `pulse`.
    pub(crate) fn hyper(body: Incoming, pulse: &Rc<Pulse>) -> Self {
        if body.is_end_stream() {
            return Self::empty();
        }
        Self { kind: RequestKind::Hyper(body), pulse: Some(Rc::clone(pulse)), upload: None }
    }

    /// A body that another codec reads.
    pub(crate) fn any(body: AnyBody) -> Self {
        Self { kind: RequestKind::Any(body), pulse: None, upload: None }
    }

    /// A body that is known whole.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            return Self::empty();
        }
        Self::any(Box::pin(Full::new(bytes).map_err(|never| match never {})))
    }

    /// Whether there is nothing to read.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.kind, RequestKind::Empty)
    }

    /// Tells from now on how far the body has come.
    pub(crate) fn watched(&mut self) -> Rc<Upload> {
        let state = if self.is_empty() { UploadState::Done } else { UploadState::Open };
        let upload = Rc::new(Upload { moved: Cell::new(Instant::now()), state: Cell::new(state) });
        self.upload = Some(Rc::clone(&upload));
        upload
    }

    /// Notes what became of reading on.
    fn note(&mut self, poll: &Poll<Option<Result<Frame<Bytes>, BodyError>>>) {
        let state = match poll {
            Poll::Pending => {
                if let Some(pulse) = &self.pulse {
                    pulse.starved();
                }
                return;
            }
            Poll::Ready(Some(Err(_))) => UploadState::Failed,
            Poll::Ready(Some(Ok(_))) if !self.is_end_stream() => UploadState::Open,
            Poll::Ready(_) => UploadState::Done,
        };
        if state == UploadState::Done {
            self.pulse = None;
        }
        if let Some(upload) = &self.upload {
            upload.moved.set(Instant::now());
            upload.state.set(state);
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(pulse) = &self.pulse {
            pulse.leave_unread();
        }
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let poll = match &mut self.kind {
            RequestKind::Empty => return Poll::Ready(None),
            RequestKind::Hyper(body) => Pin::new(body).poll_frame(cx).map_err(BodyError::from),
            RequestKind::Any(body) => body.as_mut().poll_frame(cx),
        };
        self.note(&poll);
        poll
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            RequestKind::Empty => true,
            RequestKind::Hyper(body) => body.is_end_stream(),
            RequestKind::Any(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            RequestKind::Empty => SizeHint::with_exact(0),
            RequestKind::Hyper(body) => body.size_hint(),
            RequestKind::Any(body) => body.size_hint(),
        }
    }
}

/// The body of an answer, on its way to the client.
pub(crate) struct Body {
    kind: Kind,
    /// Held until the last byte: the connection is busy so long.
    in_flight: Option<InFlight>,
}

enum Kind {
    Empty,
    Full(Bytes),
    Upstream { body: Incoming, lease: Option<Lease> },
}

impl Body {
    /// No body.
    pub(crate) fn empty() -> Self {
        Self { kind: Kind::Empty, in_flight: None }
    }

    /// A body that is known whole.
    pub(crate) fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let kind = if bytes.is_empty() { Kind::Empty } else { Kind::Full(bytes) };
        Self { kind, in_flight: None }
    }

    /// The upstream's body; its connection is given back when the body has been read.
    pub(crate) fn upstream(body: Incoming, lease: Lease) -> Self {
        if body.is_end_stream() {
            lease.give_back();
            return Self::empty();
        }
        Self { kind: Kind::Upstream { body, lease: Some(lease) }, in_flight: None }
    }

    /// Keeps the request in flight until this body ends.
    pub(crate) fn holding(mut self, in_flight: InFlight) -> Self {
        self.in_flight = Some(in_flight);
        self
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        match &mut self.kind {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(_) => match std::mem::replace(&mut self.kind, Kind::Empty) {
                Kind::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                _ => Poll::Ready(None),
            },
            Kind::Upstream { body, lease } => {
                let poll = Pin::new(&mut *body).poll_frame(cx);
                let ended = match &poll {
                    Poll::Ready(None) => true,
                    Poll::Ready(Some(Ok(_))) => body.is_end_stream(),
                    _ => false,
                };
                if ended && let Some(lease) = lease.take() {
                    lease.give_back();
                }
                poll
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty => true,
            Kind::Full(_) => false,
            Kind::Upstream { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Upstream { body, .. } => body.size_hint(),
        }
    }
}
