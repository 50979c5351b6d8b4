//! The body of an answer, on its way to the client.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use super::{BodyError, Silence};
use crate::activity::InFlight;
use crate::forward::trailers::TrailerFilter;
use crate::stream_watch::StreamProgress;
use crate::upstream::Lease;

/// As long a piece as is handed to a codec with flow control: a client that takes so much within the time allowed
/// makes progress.
const PIECE: usize = 16 * 1024;

/// The body of an answer.
pub(crate) struct Body {
    kind: Kind,
    /// Held until the last byte: the connection is busy so long.
    in_flight: Option<InFlight>,
    /// Where the stream's progress is recorded, if the client has flow control.
    progress: Option<Rc<StreamProgress>>,
}

enum Kind {
    Empty,
    Full(Bytes),
    Upstream(Box<FromUpstream>),
}

struct FromUpstream {
    body: Incoming,
    lease: Option<Lease>,
    silence: Silence,
    trailers: TrailerFilter,
    /// Of a longer piece, what has not been handed on.
    rest: Bytes,
}

type Polled = Poll<Option<Result<Frame<Bytes>, BodyError>>>;

impl Body {
    /// No body.
    pub(crate) fn empty() -> Self {
        Self { kind: Kind::Empty, in_flight: None, progress: None }
    }

    /// A body that is known whole.
    pub(crate) fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let kind = if bytes.is_empty() { Kind::Empty } else { Kind::Full(bytes) };
        Self { kind, ..Self::empty() }
    }

    /// The upstream's body; its connection is given back when the body has been read, and closed if the upstream is
    /// silent for too long.
    pub(crate) fn upstream(body: Incoming, lease: Lease, silence: Silence, trailers: TrailerFilter) -> Self {
        if body.is_end_stream() {
            lease.give_back();
            return Self::empty();
        }
        let from = FromUpstream { body, lease: Some(lease), silence, trailers, rest: Bytes::new() };
        Self { kind: Kind::Upstream(Box::new(from)), ..Self::empty() }
    }

    /// Keeps the request in flight until this body ends.
    pub(crate) fn holding(mut self, in_flight: InFlight) -> Self {
        self.in_flight = Some(in_flight);
        self
    }

    /// Records its progress, and hands it on in pieces that a client with flow control has to take in time.
    pub(crate) fn tracked(mut self, progress: Option<Rc<StreamProgress>>) -> Self {
        if let Some(progress) = &progress {
            progress.answered();
        }
        self.progress = progress;
        self
    }

    fn poll_kind(&mut self, cx: &mut Context<'_>) -> Polled {
        let piece = if self.progress.is_some() { PIECE } else { usize::MAX };
        match &mut self.kind {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(_) => match std::mem::replace(&mut self.kind, Kind::Empty) {
                Kind::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                _ => Poll::Ready(None),
            },
            Kind::Upstream(from) => from.poll_piece(cx, piece),
        }
    }
}

impl FromUpstream {
    /// The next piece, of at most `length` bytes.
    fn poll_piece(&mut self, cx: &mut Context<'_>, length: usize) -> Polled {
        if self.rest.is_empty() {
            let mut polled = self.poll_upstream(cx);
            let Poll::Ready(Some(Ok(frame))) = &mut polled else { return polled };
            match frame.data_ref() {
                Some(data) if data.len() > length => self.rest = data.clone(),
                _ => return polled,
            }
        }
        let piece = self.rest.split_to(length.min(self.rest.len()));
        if self.rest.is_empty() {
            // Else it would keep the codec's buffer.
            self.rest = Bytes::new();
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn poll_upstream(&mut self, cx: &mut Context<'_>) -> Polled {
        let mut polled = Pin::new(&mut self.body).poll_frame(cx).map_err(BodyError::from);
        match &mut polled {
            Poll::Pending => return self.silence.poll(cx).map(|silent| Some(Err(silent.into()))),
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_mut() {
                    self.trailers.apply(trailers);
                }
            }
            Poll::Ready(_) => {}
        }
        self.silence.ended();
        let ended = match &polled {
            Poll::Ready(None) => true,
            Poll::Ready(Some(Ok(_))) => self.body.is_end_stream(),
            _ => false,
        };
        if ended && let Some(lease) = self.lease.take() {
            lease.give_back();
        }
        polled
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let polled = self.poll_kind(cx);
        if let Some(progress) = &self.progress {
            progress.polled(polled.is_pending());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty => true,
            Kind::Full(_) => false,
            Kind::Upstream(from) => from.rest.is_empty() && from.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Upstream(from) if from.rest.is_empty() => from.body.size_hint(),
            Kind::Upstream(_) => SizeHint::default(),
        }
    }
}
