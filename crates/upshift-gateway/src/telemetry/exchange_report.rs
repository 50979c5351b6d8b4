//! The report of one exchange: everything that is known of it at its end. Access records and
//! metrics are made of it.
//!
//! A report begins when the head of a request was read, and is filled on the way. The exchange
//! holds it, then the body of the response, and a tunnel. When the last of them drops it, it is
//! finished and goes to its [`ExchangeSink`], exactly once.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode};
use tokio::time::Instant;
use upshift_core::{Timestamp, Verdict};

use crate::progress::activity::Activity;
use crate::progress::stream_watch::StreamProgress;
use crate::telemetry::disconnect::DisconnectReason;
use crate::telemetry::logged_request::LoggedRequest;
use crate::telemetry::request_labels::RequestLabels;
use crate::telemetry::status_label::status_label;
use crate::telemetry::trace_context::{SpanId, TraceId};
use crate::telemetry::traces::{ExchangeTrace, FinishedExchange, TracedRequest};
use crate::telemetry::upstream_attempt::{AttemptOutcome, UpstreamAttempt};

/// The cause of an exchange that the client gave up.
pub(crate) const CLIENT_GONE: &str = "client-gone";

/// The cause of an exchange whose response the upstream broke off.
pub(crate) const UPSTREAM_BROKE_OFF: &str = "upstream-broke-off";

/// The cause of an exchange that did not end in time when the gateway stopped.
pub(crate) const SHUTDOWN: &str = "shutdown";

/// Receives finished reports.
pub(crate) trait ExchangeSink {
    /// Returns true if the exchanges that are left are cut off, because the gateway stops.
    fn is_cutting_off(&self) -> bool;

    /// Takes note of an exchange that begins.
    fn begin_exchange(&self, _request: &RequestLabels) {}

    /// A new id of a span.
    fn new_span_id(&self) -> SpanId;

    /// Takes note of an exchange that has ended.
    fn finish_exchange(&self, report: &ExchangeReport);
}

/// Everything that is known of one exchange.
pub(crate) struct ExchangeReport {
    sink: Rc<dyn ExchangeSink>,
    client: ExchangeClient,
    request: ReportedRequest,
    trace: Cell<Option<ExchangeTrace>>,
    traced: RefCell<Option<Box<TracedRequest>>>,
    /// The time from its beginning to its end, once it has ended.
    duration: Cell<Duration>,
    response: Cell<Option<StartedResponse>>,
    bytes_in: Cell<u64>,
    bytes_out: Cell<u64>,
    attempts: Cell<u32>,
    /// The attempts before the last one.
    earlier_attempts: RefCell<Vec<UpstreamAttempt>>,
    upstream: RefCell<Option<UpstreamAttempt>>,
    cause: Cell<Option<&'static str>>,
    state: Cell<ExchangeState>,
    was_tunnel: Cell<bool>,
    verdict: Cell<Option<Verdict>>,
    logged: RefCell<Option<Box<LoggedRequest>>>,
}

/// The request of an exchange, as it is known with its head.
pub(crate) struct ReportedRequest {
    /// The method; `None` if it could not be read.
    pub(crate) method: Option<Method>,
    /// The labels that metrics have of it.
    pub(crate) labels: RequestLabels,
    /// The exchange is counted by all of them.
    pub(crate) is_detailed: bool,
    /// The time at which its head was read; of a head that could not be read, the time of its first
    /// byte.
    pub(crate) began: Instant,
}

/// The client's side of an exchange.
pub(crate) struct ExchangeClient {
    /// The activity of its connection.
    pub(crate) activity: Rc<Activity>,
    /// The progress of its stream, if the connection has flow control.
    pub(crate) stream: Option<Rc<StreamProgress>>,
}

/// The start of a response.
#[derive(Clone, Copy)]
struct StartedResponse {
    status: StatusCode,
    /// The time from the beginning of the exchange to its head.
    after: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ExchangeState {
    /// Something is still to come.
    Open,
    /// The connection carries another protocol, and the tunnel is still to end.
    Tunnel,
    /// Everything was sent.
    Complete,
}

impl ExchangeReport {
    /// Begins the report of a request whose head was read; `None`: a head that could not be read.
    pub(crate) fn begin(
        sink: Rc<dyn ExchangeSink>,
        client: ExchangeClient,
        request: ReportedRequest,
        trace: Option<ExchangeTrace>,
    ) -> Rc<Self> {
        sink.begin_exchange(&request.labels);
        Rc::new(Self {
            sink,
            client,
            request,
            trace: Cell::new(trace),
            traced: RefCell::default(),
            duration: Cell::default(),
            response: Cell::default(),
            bytes_in: Cell::default(),
            bytes_out: Cell::default(),
            attempts: Cell::default(),
            earlier_attempts: RefCell::default(),
            upstream: RefCell::default(),
            cause: Cell::default(),
            state: Cell::new(ExchangeState::Open),
            was_tunnel: Cell::default(),
            verdict: Cell::default(),
            logged: RefCell::default(),
        })
    }

    /// Sets what the access record shows of the request, in place of what it showed before.
    pub(crate) fn log_request(&self, request: LoggedRequest) {
        self.logged.replace(Some(Box::new(request)));
    }

    /// Sets the trace of an exchange that did not have one when it began.
    pub(crate) fn set_trace(&self, trace: ExchangeTrace) {
        self.trace.set(Some(trace));
    }

    /// Sets what the span of the exchange shows of the request.
    pub(crate) fn trace_request(&self, request: TracedRequest) {
        self.traced.replace(Some(Box::new(request)));
    }

    /// Records that the request is sent to an endpoint. Returns `traceparent` for this attempt, if
    /// it has a span.
    pub(crate) fn begin_attempt(&self, endpoint: &Rc<str>) -> Option<HeaderValue> {
        self.attempts.set(self.attempts.get() + 1);
        let recorded = self.trace.get().filter(|trace| trace.is_recorded);
        let span_id = recorded.map(|_| self.sink.new_span_id());
        let earlier = self.upstream.replace(Some(UpstreamAttempt::begin(endpoint, span_id)));
        self.earlier_attempts.borrow_mut().extend(earlier);
        Some(recorded?.context.field_value(span_id?))
    }

    /// Records the head of the endpoint's response, or the failure of the attempt.
    pub(crate) fn end_attempt(&self, outcome: AttemptOutcome) {
        if let Some(attempt) = &mut *self.upstream.borrow_mut() {
            attempt.end(outcome);
        }
    }

    /// Shows each attempt to `visit`, in their order.
    pub(crate) fn for_each_attempt(&self, mut visit: impl FnMut(&UpstreamAttempt)) {
        self.earlier_attempts.borrow().iter().for_each(&mut visit);
        self.upstream.borrow().iter().for_each(&mut visit);
    }

    /// Records that the head of the response is ready to be sent.
    pub(crate) fn start_response(&self, status: StatusCode) {
        let after = self.request.began.elapsed();
        self.response.set(Some(StartedResponse { status, after }));
    }

    /// Counts bytes of content that were received from the client.
    pub(crate) fn add_bytes_in(&self, count: u64) {
        self.bytes_in.set(self.bytes_in.get() + count);
    }

    /// Counts bytes of content that were sent to the client.
    pub(crate) fn add_bytes_out(&self, count: u64) {
        self.bytes_out.set(self.bytes_out.get() + count);
    }

    /// Sets the reason for which the exchange is not a success. The first one counts.
    pub(crate) fn set_cause(&self, cause: &'static str) {
        if self.cause.get().is_none() {
            self.cause.set(Some(cause));
        }
    }

    /// Records that the response was sent whole.
    pub(crate) fn complete_response(&self) {
        if self.state.get() == ExchangeState::Open {
            self.state.set(ExchangeState::Complete);
        }
    }

    /// Records that the response to the request is a tunnel, which has to be ended.
    pub(crate) fn begin_tunnel(&self) {
        self.state.set(ExchangeState::Tunnel);
        self.was_tunnel.set(true);
    }

    /// Returns true if the response to the request was a tunnel.
    pub(crate) fn was_tunnel(&self) -> bool {
        self.was_tunnel.get()
    }

    /// Sets the verdict of the policy on the request.
    pub(crate) fn set_verdict(&self, verdict: Verdict) {
        self.verdict.set(Some(verdict));
    }

    /// The verdict of the policy; `None` if the request was not decided on.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.verdict.get()
    }

    /// Records the end of the tunnel; `cause`: it did not end in good order.
    pub(crate) fn end_tunnel(&self, cause: Option<DisconnectReason>) {
        self.state.set(ExchangeState::Complete);
        if let Some(cause) = cause {
            self.set_cause(cause.as_str());
        }
    }

    /// Returns true if the response to this request has no content, whatever its fields say (RFC
    /// 9110 §9.3.2, §15.3.5, §15.4.5).
    pub(crate) fn is_without_content(&self) -> bool {
        let status = self.status();
        self.request.method == Some(Method::HEAD)
            || status == Some(StatusCode::NO_CONTENT)
            || status == Some(StatusCode::NOT_MODIFIED)
    }

    /// The status of the response; `None` if there was none.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        self.response.get().map(|response| response.status)
    }

    /// The time to the head of the response; `None` if there was none.
    pub(crate) fn first_byte(&self) -> Option<Duration> {
        self.response.get().map(|response| response.after)
    }

    /// The time from [`ReportedRequest::began`] to the end of the exchange.
    pub(crate) fn duration(&self) -> Duration {
        self.duration.get()
    }

    /// The number of bytes of content that the client sent.
    pub(crate) fn bytes_in(&self) -> u64 {
        self.bytes_in.get()
    }

    /// The number of bytes of content that the client was sent.
    pub(crate) fn bytes_out(&self) -> u64 {
        self.bytes_out.get()
    }

    /// The number of times that the request was sent to an endpoint.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts.get()
    }

    /// The endpoint that was asked last, and the time to the head of its response or to its
    /// failure.
    pub(crate) fn upstream(&self) -> Option<(Rc<str>, Duration)> {
        let upstream = self.upstream.borrow();
        let attempt = upstream.as_ref()?;
        Some((Rc::clone(&attempt.endpoint), attempt.took()))
    }

    /// The reason for which the exchange is not a success; `None` if it is one.
    pub(crate) fn cause(&self) -> Option<&'static str> {
        self.cause.get()
    }

    /// The labels that metrics have of the request.
    pub(crate) fn labels(&self) -> &RequestLabels {
        &self.request.labels
    }

    /// Returns true if the exchange is counted by all labels of its request.
    pub(crate) fn is_detailed(&self) -> bool {
        self.request.is_detailed
    }

    /// The trace that the exchange belongs to.
    pub(crate) fn trace(&self) -> Option<ExchangeTrace> {
        self.trace.get()
    }

    /// The id of the trace that the exchange belongs to.
    pub(crate) fn trace_id(&self) -> Option<TraceId> {
        self.trace.get().map(|trace| trace.context.trace_id)
    }

    /// The id of the trace, if it is sampled: otherwise no one has recorded it.
    pub(crate) fn sampled_trace(&self) -> Option<TraceId> {
        let trace = self.trace.get().filter(|trace| trace.context.is_sampled())?;
        Some(trace.context.trace_id)
    }

    /// The reason for which the exchange counts as failed. For a server, an error of the client
    /// (4xx) is none.
    pub(crate) fn error_type(&self) -> Option<&'static str> {
        let status = self.status();
        match (self.cause(), status) {
            (Some(CLIENT_GONE | UPSTREAM_BROKE_OFF | SHUTDOWN), _) => self.cause(),
            (_, Some(status)) if status.is_client_error() => None,
            (Some(cause), _) => Some(cause),
            (None, Some(status)) if status.is_server_error() => Some(status_label(Some(status))),
            (None, _) => None,
        }
    }

    /// The spans of the exchange; `None` if they are not exported.
    pub(crate) fn finish_trace(&self) -> Option<FinishedExchange> {
        let trace = self.trace.get().filter(|trace| trace.is_recorded)?;
        let mut attempts = Vec::new();
        self.for_each_attempt(|attempt| attempts.extend(attempt.finish()));
        Some(FinishedExchange {
            trace,
            labels: self.request.labels,
            request: self.traced.take().unwrap_or_default(),
            verdict: self.verdict().map(Verdict::as_str),
            status: self.status().map(|status| status.as_u16()),
            error: self.error_type(),
            ended: Timestamp::now(),
            duration: self.duration(),
            attempts,
        })
    }

    /// Takes what the access record shows of the request; `None` if it is not recorded.
    pub(crate) fn take_logged(&self) -> Option<Box<LoggedRequest>> {
        self.logged.take()
    }

    /// The reason for which the exchange was dropped before its end.
    fn abandoned_cause(&self) -> &'static str {
        let ExchangeClient { activity, stream } = &self.client;
        if stream.as_ref().is_some_and(|stream| stream.is_given_up()) {
            return DisconnectReason::StreamStalled.as_str();
        }
        match activity.given_up() {
            Some(expired) => DisconnectReason::Expired(expired).as_str(),
            None if self.sink.is_cutting_off() => SHUTDOWN,
            None => CLIENT_GONE,
        }
    }
}

impl Drop for ExchangeReport {
    fn drop(&mut self) {
        self.duration.set(self.request.began.elapsed());
        if self.state.get() != ExchangeState::Complete {
            self.set_cause(self.abandoned_cause());
        }
        self.sink.finish_exchange(self);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;
    use upshift_core::{HttpVersion, TlsState};

    use super::*;
    use crate::random::Random;

    /// Keeps the status and the cause of each finished report.
    #[derive(Default)]
    struct Finished(RefCell<Vec<(Option<u16>, Option<&'static str>)>>);

    impl ExchangeSink for Finished {
        fn is_cutting_off(&self) -> bool {
            false
        }

        fn new_span_id(&self) -> SpanId {
            SpanId::generate(&mut Random::new())
        }

        fn finish_exchange(&self, report: &ExchangeReport) {
            let status = report.status().map(|status| status.as_u16());
            self.0.borrow_mut().push((status, report.cause()));
        }
    }

    fn begin(finished: &Rc<Finished>) -> Rc<ExchangeReport> {
        let sink: Rc<dyn ExchangeSink> = Rc::<Finished>::clone(finished);
        let activity = Activity::new(watch::channel(false).1);
        let client = ExchangeClient { activity, stream: None };
        let labels = RequestLabels::new(Some(&Method::GET), TlsState::Cleartext, HttpVersion::V1_1);
        let request = ReportedRequest {
            method: Some(Method::GET),
            labels,
            is_detailed: false,
            began: Instant::now(),
        };
        ExchangeReport::begin(sink, client, request, None)
    }

    #[test]
    fn an_exchange_is_reported_once_when_nothing_holds_it() {
        let finished = Rc::new(Finished::default());
        let report = begin(&finished);
        let body = Rc::clone(&report);
        report.start_response(StatusCode::OK);
        drop(report);
        assert!(finished.0.borrow().is_empty());
        body.complete_response();
        drop(body);
        assert_eq!(*finished.0.borrow(), [(Some(200), None)]);
    }

    #[test]
    fn a_client_that_leaves_is_the_cause_unless_there_was_another() {
        let finished = Rc::new(Finished::default());
        drop(begin(&finished));
        let report = begin(&finished);
        report.set_cause("upstream-timeout");
        report.start_response(StatusCode::GATEWAY_TIMEOUT);
        drop(report);
        let expected = [(None, Some(CLIENT_GONE)), (Some(504), Some("upstream-timeout"))];
        assert_eq!(*finished.0.borrow(), expected);
    }

    #[test]
    fn a_tunnel_is_complete_when_it_has_ended() {
        let finished = Rc::new(Finished::default());
        for end in [None, Some(DisconnectReason::TunnelIdle)] {
            let report = begin(&finished);
            report.begin_tunnel();
            report.start_response(StatusCode::SWITCHING_PROTOCOLS);
            report.complete_response();
            report.end_tunnel(end);
        }
        let report = begin(&finished);
        report.begin_tunnel();
        report.complete_response();
        drop(report);
        let expected =
            [(Some(101), None), (Some(101), Some("tunnel-idle")), (None, Some(CLIENT_GONE))];
        assert_eq!(*finished.0.borrow(), expected);
    }
}
