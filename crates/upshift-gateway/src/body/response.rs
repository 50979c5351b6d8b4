//! The body of an answer, on its way to the client.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Version;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::task::yield_now;

use super::{BodyError, Silence, Unfinished, is_unfinished};
use crate::fields::trailers::TrailerFilter;
use crate::progress::activity::InFlight;
use crate::progress::stream_watch::StreamProgress;
use crate::upstream::{Failure, Lease};

/// As long a piece as is handed to a codec with flow control: a client that takes so much within
/// the time allowed makes progress.
const PIECE: usize = 16 * 1024;

/// The body of an answer.
pub(crate) struct Body {
    kind: Kind,
    /// Held until the last byte: the connection is busy so long.
    in_flight: Option<InFlight>,
    /// Where the stream's progress is recorded, if the client has flow control.
    progress: Option<Rc<StreamProgress>>,
    /// The last byte of the content, until there is window for it.
    last_byte: Option<Bytes>,
}

enum Kind {
    Empty,
    Full(Bytes),
    Upstream(Box<FromUpstream>),
}

struct FromUpstream {
    body: Incoming,
    version: Version,
    lease: Option<Lease>,
    silence: Silence,
    trailers: TrailerFilter,
    /// What came first, if it has been waited for.
    first: Option<Frame<Bytes>>,
    /// Of a longer piece, what has not been handed on.
    rest: Bytes,
}

type Polled = Poll<Option<Result<Frame<Bytes>, BodyError>>>;

impl Body {
    /// No body.
    pub(crate) fn empty() -> Self {
        Self { kind: Kind::Empty, in_flight: None, progress: None, last_byte: None }
    }

    /// A body that is known whole.
    pub(crate) fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let kind = if bytes.is_empty() { Kind::Empty } else { Kind::Full(bytes) };
        Self { kind, ..Self::empty() }
    }

    /// The upstream's body; its connection is given back when the body has been read, and closed if
    /// the upstream is silent for too long.
    pub(crate) fn upstream(
        body: Incoming,
        version: Version,
        lease: Lease,
        silence: Silence,
        trailers: TrailerFilter,
    ) -> Self {
        if body.is_end_stream() {
            lease.give_back();
            return Self::empty();
        }
        let lease = Some(lease);
        let from = FromUpstream {
            body,
            version,
            lease,
            silence,
            trailers,
            first: None,
            rest: Bytes::new(),
        };
        Self { kind: Kind::Upstream(Box::new(from)), ..Self::empty() }
    }

    /// Reads what came of the content together with the head, so that an answer that is broken from
    /// the start is known to be before any of it goes out.
    ///
    /// # Errors
    /// If it is.
    pub(crate) async fn begun(mut self) -> Result<Self, BodyError> {
        let Kind::Upstream(from) = &mut self.kind else { return Ok(self) };
        // The codec reads on when it has been asked to, and its task has run.
        for wait in [true, false] {
            match poll_fn(|cx| Poll::Ready(from.poll_upstream(cx))).await {
                Poll::Ready(Some(Ok(frame))) => from.first = Some(frame),
                Poll::Ready(Some(Err(error))) => return Err(error),
                Poll::Ready(None) => {
                    self.kind = Kind::Empty;
                    return Ok(self);
                }
                Poll::Pending if wait => {
                    yield_now().await;
                    continue;
                }
                Poll::Pending => {}
            }
            break;
        }
        Ok(self)
    }

    /// Keeps the request in flight until this body ends.
    pub(crate) fn holding(mut self, in_flight: InFlight) -> Self {
        self.in_flight = Some(in_flight);
        self
    }

    /// Records its progress, and hands it on in pieces that a client with flow control has to take
    /// in time.
    pub(crate) fn tracked(mut self, progress: Option<Rc<StreamProgress>>) -> Self {
        if let Some(progress) = &progress {
            progress.answered();
        }
        self.progress = progress;
        self
    }

    /// Keeps the last byte of the content back. The codec takes a piece for which it has window for
    /// a single byte, and ends the stream's task with the last one: what is behind this byte was
    /// then sent, or can be.
    fn keep_last_byte(&mut self, polled: &mut Polled) {
        if self.progress.is_none() || !http_body::Body::is_end_stream(self) {
            return;
        }
        let Poll::Ready(Some(Ok(frame))) = polled else { return };
        if let Some(data) = frame.data_mut().filter(|data| data.len() > 1) {
            self.last_byte = Some(data.split_off(data.len() - 1));
        }
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
            let mut polled = match self.first.take() {
                Some(first) => Poll::Ready(Some(Ok(first))),
                None => self.poll_upstream(cx),
            };
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
        if matches!(polled, Poll::Ready(None)) && is_unfinished(&self.body, self.version) {
            polled = Poll::Ready(Some(Err(Unfinished.into())));
        }
        match &mut polled {
            Poll::Pending => {
                let silent = self.silence.poll(cx);
                if silent.is_ready() {
                    self.fail(Failure::Timeout);
                }
                return silent.map(|silent| Some(Err(silent.into())));
            }
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_mut() {
                    self.trailers.apply(trailers);
                }
            }
            Poll::Ready(Some(Err(_))) => self.fail(Failure::Broken),
            Poll::Ready(None) => {}
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

    fn fail(&mut self, failure: Failure) {
        if let Some(lease) = self.lease.take() {
            lease.fail(failure);
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let polled = match self.last_byte.take() {
            Some(byte) => Poll::Ready(Some(Ok(Frame::data(byte)))),
            None => {
                let mut polled = self.poll_kind(cx);
                self.keep_last_byte(&mut polled);
                polled
            }
        };
        if let Some(progress) = &self.progress {
            progress.polled(polled.is_pending());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            _ if self.last_byte.is_some() => false,
            Kind::Empty => true,
            Kind::Full(_) => false,
            Kind::Upstream(from) => {
                from.first.is_none() && from.rest.is_empty() && from.body.is_end_stream()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            _ if self.last_byte.is_some() => SizeHint::with_exact(1),
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Upstream(from) if from.first.is_none() && from.rest.is_empty() => {
                from.body.size_hint()
            }
            Kind::Upstream(_) => SizeHint::default(),
        }
    }
}
