//! The body of a response, on its way to the client.

use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use tokio::task::yield_now;

use crate::body::{BodyError, BodyTimedOut, BodyTimeout, BrokenRequest, PolledFrame};
use crate::fields::names::KeptNames;
use crate::fields::trailers::TrailerFilter;
use crate::local_reply::LocalReply;
use crate::progress::activity::BusyGuard;
use crate::progress::stream_watch::StreamProgress;
use crate::telemetry::exchange_report::{CLIENT_GONE, ExchangeReport, UPSTREAM_BROKE_OFF};
use crate::upstream::http1::Http1Error;
use crate::upstream::{Checkout, EndpointFailure, UpstreamBody};

/// The size of the pieces for a codec with flow control: a client that takes one within the time
/// allowed makes progress.
const PIECE: usize = 16 * 1024;

/// The body of a response.
pub(crate) struct ResponseBody {
    content: ResponseContent,
    /// Dropped with the body: the client's connection is not idle before the last byte.
    active_request: Option<BusyGuard>,
    /// The progress of the stream, if the client's connection has flow control.
    progress: Option<Rc<StreamProgress>>,
    /// The last byte of the content, until there is window for it.
    last_byte: Option<Bytes>,
    /// The report of the exchange. It ends with the body, unless a tunnel follows.
    report: Option<Rc<ExchangeReport>>,
    /// The names of the response's fields, if they came over HTTP/1.
    names: Option<Box<KeptNames>>,
}

enum ResponseContent {
    Empty,
    Full(Bytes),
    Upstream(Box<UpstreamContent>),
}

/// Content that comes from an upstream.
struct UpstreamContent {
    body: UpstreamBody,
    /// `None` once the exchange has ended.
    checkout: Option<Checkout>,
    timeout: BodyTimeout,
    trailers: TrailerFilter,
    /// The frame that [`ResponseBody::wait_for_start`] read ahead.
    first: Option<Frame<Bytes>>,
    /// The part of a longer piece that was not passed on yet.
    rest: Bytes,
}

impl ResponseBody {
    fn new(content: ResponseContent) -> Self {
        Self {
            content,
            active_request: None,
            progress: None,
            last_byte: None,
            report: None,
            names: None,
        }
    }

    /// No body.
    pub(crate) fn empty() -> Self {
        Self::new(ResponseContent::Empty)
    }

    /// A body that is already complete.
    pub(crate) fn from_bytes(bytes: impl Into<Bytes>) -> Self {
        let full: Bytes = bytes.into();
        if full.is_empty() {
            return Self::empty();
        }
        Self::new(ResponseContent::Full(full))
    }

    /// The upstream's body. At its end the connection returns to the pool; if the upstream sends
    /// nothing for too long, the connection closes.
    pub(crate) fn from_upstream(
        body: UpstreamBody,
        checkout: Checkout,
        timeout: BodyTimeout,
        trailers: TrailerFilter,
    ) -> Self {
        // The endpoint is free before the client has read anything.
        if body.is_end_stream() {
            checkout.complete();
            return Self::empty();
        }
        let upstream = UpstreamContent {
            body,
            checkout: Some(checkout),
            timeout,
            trailers,
            first: None,
            rest: Bytes::new(),
        };
        Self::new(ResponseContent::Upstream(Box::new(upstream)))
    }

    /// Reads the content that arrived together with the head, so that a response that is broken
    /// from the start fails before any of it is sent.
    ///
    /// # Errors
    /// If it is broken.
    pub(crate) async fn wait_for_start(mut self) -> Result<Self, BodyError> {
        let ResponseContent::Upstream(upstream) = &mut self.content else { return Ok(self) };
        let mut polled = poll_once(upstream).await;
        if polled.is_pending() && matches!(upstream.body, UpstreamBody::Http2(_)) {
            // The poll asked hyper to read on, which its task does at its next turn.
            yield_now().await;
            polled = poll_once(upstream).await;
        }
        match polled {
            Poll::Ready(Some(Ok(frame))) => upstream.first = Some(frame),
            Poll::Ready(Some(Err(error))) => return Err(error),
            Poll::Ready(None) => self.content = ResponseContent::Empty,
            Poll::Pending => {}
        }
        Ok(self)
    }

    /// Keeps the request active until this body ends.
    pub(crate) fn with_active_request(mut self, active_request: BusyGuard) -> Self {
        self.active_request = Some(active_request);
        self
    }

    /// Records the progress of the body, and splits it into pieces that a client with flow control
    /// has to take in time.
    pub(crate) fn with_progress(mut self, progress: Option<Rc<StreamProgress>>) -> Self {
        if let Some(progress) = &progress {
            progress.start_response();
        }
        self.progress = progress;
        self
    }

    /// Reports the progress of the body, and its end.
    pub(crate) fn with_report(mut self, report: Rc<ExchangeReport>) -> Self {
        self.report = Some(report);
        self
    }

    /// Keeps the names of the response's fields.
    pub(crate) fn with_names(mut self, names: Option<Box<KeptNames>>) -> Self {
        self.names = names;
        self
    }

    /// Takes the names of the response's fields.
    pub(crate) fn take_names(&mut self) -> Option<Box<KeptNames>> {
        self.names.take()
    }

    /// Takes the names of the trailers that were polled.
    pub(crate) fn take_trailer_names(&mut self) -> Option<Box<KeptNames>> {
        match &mut self.content {
            ResponseContent::Upstream(upstream) => upstream.body.take_names(),
            _ => None,
        }
    }

    /// The report of the exchange.
    pub(crate) fn report(&self) -> Option<Rc<ExchangeReport>> {
        self.report.clone()
    }

    /// The same body without content.
    pub(crate) fn without_content(mut self) -> Self {
        self.content = ResponseContent::Empty;
        self
    }

    /// Holds back the last byte of the content. The codec takes a whole piece as soon as it has
    /// window for one byte, and ends the stream's task with the last piece. When it polls for this
    /// byte, all bytes before it were sent, or can be.
    fn hold_back_last_byte(&mut self, polled: &mut PolledFrame) {
        if self.progress.is_none() || !http_body::Body::is_end_stream(self) {
            return;
        }
        if let Poll::Ready(Some(Ok(frame))) = polled
            && let Some(data) = frame.data_mut()
            && data.len() > 1
        {
            self.last_byte = Some(data.split_off(data.len() - 1));
        }
    }

    fn poll_content(&mut self, cx: &mut Context<'_>) -> PolledFrame {
        let max_length = if self.progress.is_some() { PIECE } else { usize::MAX };
        match &mut self.content {
            ResponseContent::Empty => Poll::Ready(None),
            ResponseContent::Full(bytes) => {
                let full = mem::take(bytes);
                self.content = ResponseContent::Empty;
                Poll::Ready(Some(Ok(Frame::data(full))))
            }
            ResponseContent::Upstream(upstream) => {
                let polled = upstream.poll_piece(cx, max_length);
                if matches!(polled, Poll::Ready(None)) {
                    // A body in chunks does not remember its end.
                    self.content = ResponseContent::Empty;
                }
                polled
            }
        }
    }

    fn report_poll(&self, polled: &PolledFrame) {
        let (Some(report), Poll::Ready(Some(frame))) = (&self.report, polled) else { return };
        match frame {
            // Nothing follows trailers, and the codec does not ask again.
            Ok(frame) if frame.is_trailers() => report.complete_response(),
            Ok(frame) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                report.add_bytes_out(length as u64);
            }
            Err(error) => report.set_cause(cause_of(error)),
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let Some(report) = &self.report else { return };
        if report.is_without_content() || http_body::Body::is_end_stream(self) {
            report.complete_response();
        }
    }
}

/// The cause of an exchange whose response broke off with this error.
fn cause_of(error: &BodyError) -> &'static str {
    match request_error(error) {
        // An upstream that responds early may still need the rest of the request.
        Some(error) if error.is::<BodyTimedOut>() => LocalReply::BodyTimeout.cause_label(),
        Some(_) => CLIENT_GONE,
        None if error.is::<BodyTimedOut>() => "upstream-timeout",
        None => UPSTREAM_BROKE_OFF,
    }
}

/// The error of the request's content, if the response broke off because of it.
fn request_error(error: &BodyError) -> Option<&BodyError> {
    let over_http1 = match error.downcast_ref::<Http1Error>() {
        Some(Http1Error::Request(broken)) => Some(broken),
        _ => None,
    };
    let broken = over_http1.or_else(|| error.downcast_ref::<BrokenRequest>())?;
    Some(&broken.0)
}

/// Polls once, without waiting.
async fn poll_once(upstream: &mut UpstreamContent) -> PolledFrame {
    poll_fn(|cx| Poll::Ready(upstream.poll_upstream(cx))).await
}

impl UpstreamContent {
    /// The next piece, of at most `max_length` bytes.
    fn poll_piece(&mut self, cx: &mut Context<'_>, max_length: usize) -> PolledFrame {
        if self.rest.is_empty() {
            let polled = match self.first.take() {
                Some(first) => Poll::Ready(Some(Ok(first))),
                None => self.poll_upstream(cx),
            };
            match &polled {
                Poll::Ready(Some(Ok(frame))) => match frame.data_ref() {
                    Some(data) if data.len() > max_length => self.rest = data.clone(),
                    _ => return polled,
                },
                _ => return polled,
            }
        }
        let piece = self.rest.split_to(max_length.min(self.rest.len()));
        if self.rest.is_empty() {
            // An empty slice would keep the read buffer of the upstream's connection alive.
            self.rest = Bytes::new();
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn poll_upstream(&mut self, cx: &mut Context<'_>) -> PolledFrame {
        let mut polled = Pin::new(&mut self.body).poll_frame(cx);
        let ended = match &mut polled {
            Poll::Pending => {
                let timed_out = self.timeout.poll_expired(cx);
                if timed_out.is_ready() {
                    self.fail_exchange(EndpointFailure::Timeout);
                }
                return timed_out.map(|timed_out| Some(Err(timed_out.into())));
            }
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_mut() {
                    self.trailers.remove_forbidden(trailers);
                }
                self.body.is_end_stream()
            }
            Poll::Ready(Some(Err(error))) => {
                if request_error(error).is_none() {
                    self.fail_exchange(EndpointFailure::Broken);
                }
                false
            }
            Poll::Ready(None) => true,
        };
        self.timeout.reset();
        // At END_STREAM rather than at the next poll: the codec may not poll again.
        if ended && let Some(checkout) = self.checkout.take() {
            checkout.complete();
        }
        polled
    }

    /// Returns true if bytes were read from the upstream and not passed on.
    fn has_unsent(&self) -> bool {
        self.first.is_some() || !self.rest.is_empty()
    }

    fn fail_exchange(&mut self, failure: EndpointFailure) {
        if let Some(checkout) = self.checkout.take() {
            checkout.fail_response(failure);
        }
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> PolledFrame {
        let polled = match self.last_byte.take() {
            Some(byte) => Poll::Ready(Some(Ok(Frame::data(byte)))),
            None => {
                let mut polled = self.poll_content(cx);
                self.hold_back_last_byte(&mut polled);
                polled
            }
        };
        if let Some(progress) = &self.progress {
            progress.record_poll(polled.is_pending());
        }
        self.report_poll(&polled);
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            _ if self.last_byte.is_some() => false,
            ResponseContent::Empty => true,
            ResponseContent::Full(_) => false,
            ResponseContent::Upstream(upstream) => {
                !upstream.has_unsent() && upstream.body.is_end_stream()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            _ if self.last_byte.is_some() => SizeHint::with_exact(1),
            ResponseContent::Empty => SizeHint::with_exact(0),
            ResponseContent::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            ResponseContent::Upstream(upstream) if upstream.has_unsent() => SizeHint::default(),
            ResponseContent::Upstream(upstream) => upstream.body.size_hint(),
        }
    }
}
