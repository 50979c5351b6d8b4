//! The parts of a request and of its decision that the report of an exchange keeps.

use std::rc::Rc;

use http::{HeaderValue, Method};
use tokio::time::Instant;
use upshift_adoption::RequestCallers;
use upshift_config::RecordedRequests;
use upshift_core::answer::Answer;
use upshift_core::{Decision, Facts, Timestamp, Verdict};
use upshift_http::http_version;

use crate::core_local::CoreLocal;
use crate::exchange::connection::Connection;
use crate::exchange::trace;
use crate::generation::Generation;
use crate::progress::stream_watch::StreamProgress;
use crate::received_request::ReceivedRequest;
use crate::telemetry::exchange_report::{ExchangeClient, ExchangeReport, ReportedRequest};
use crate::telemetry::live_decision::live_decision;
use crate::telemetry::logged_request::{LoggedDecision, LoggedRequest};
use crate::telemetry::plan::TelemetryPlan;
use crate::telemetry::request_labels::RequestLabels;
use crate::telemetry::traces::TracedRequest;

/// Begins the report of a request whose head was read.
pub(super) fn begin_report(
    connection: &Connection,
    received: &ReceivedRequest<'_>,
    stream: Option<Rc<StreamProgress>>,
    plan: &TelemetryPlan,
) -> Rc<ExchangeReport> {
    let client = ExchangeClient { activity: Rc::clone(&connection.activity), stream };
    let method = Some(received.method.clone());
    let version = http_version(received.version);
    let request = ReportedRequest {
        labels: RequestLabels::new(method.as_ref(), connection.tls, version),
        method,
        is_detailed: plan.metrics.is_some(),
        began: Instant::now(),
    };
    let trace = trace::begin_trace(&received.fields, plan, &connection.core.random);
    let sink = Rc::<CoreLocal>::clone(&connection.core);
    let report = ExchangeReport::begin(sink, client, request, trace);
    if is_recorded(&report) {
        report.trace_request(TracedRequest {
            path: received.uri.path().to_owned(),
            peer: Some(connection.peer.ip().to_canonical()),
            ..TracedRequest::default()
        });
    }
    report
}

/// Returns true if the spans of the exchange are exported.
fn is_recorded(report: &ExchangeReport) -> bool {
    report.trace().is_some_and(|trace| trace.is_recorded)
}

/// Keeps what the access record shows of one request, in its report.
pub(super) struct RequestRecorder<'a> {
    pub(super) connection: &'a Connection,
    pub(super) generation: &'a Generation,
    pub(super) id: &'a HeaderValue,
    pub(super) report: &'a ExchangeReport,
}

impl RequestRecorder<'_> {
    /// Keeps the request, before it is known how it is decided.
    pub(super) fn log_undecided(&self, received: &ReceivedRequest<'_>) {
        if self.recorded_requests() == RecordedRequests::All {
            let seen = self.connection.info(received.version);
            self.report.log_request(LoggedRequest::undecided(received, seen, self.id));
        }
    }

    /// Keeps the request and the decision on it, for its span and for its record.
    pub(super) fn record_decided(
        &self,
        received: &ReceivedRequest<'_>,
        callers: &RequestCallers<'_>,
        decision: &Decision<'_>,
        now: Timestamp,
    ) {
        self.trace_decided(callers.facts(), decision);
        let is_recorded = match self.recorded_requests() {
            RecordedRequests::Off => false,
            RecordedRequests::Refused => decision.verdict == Verdict::Refuse,
            RecordedRequests::All => true,
        };
        if !is_recorded {
            return;
        }
        let caller = decision.top().and_then(|ruling| callers.fingerprint(ruling.rule));
        let revision = self.generation.policy.revision();
        let logged = LoggedDecision::new(decision, revision, caller);
        let request = LoggedRequest::decided(
            received,
            callers.facts(),
            self.id,
            now,
            &self.generation.requirement_inputs,
            logged,
        );
        self.report.log_request(request);
    }

    /// Keeps what the span of the exchange shows.
    fn trace_decided(&self, facts: &Facts<'_>, decision: &Decision<'_>) {
        if !is_recorded(self.report) {
            return;
        }
        let mut request = TracedRequest {
            host: facts.host.to_owned(),
            path: facts.path.to_owned(),
            peer: facts.client_ip.map(|address| address.to_canonical()),
            decision: None,
        };
        if let Some(ruling) = decision.top() {
            request.decision = Some([
                ruling.rule.id.to_string(),
                ruling.phase().to_string(),
                ruling.reason.as_str().to_owned(),
            ]);
        }
        self.report.trace_request(request);
    }

    /// Sends the decision, and the refusal that goes out, to the live feed.
    pub(super) fn feed_decision(
        &self,
        method: &Method,
        callers: &RequestCallers<'_>,
        decision: &Decision<'_>,
        refusal: Option<&Answer>,
        now: Timestamp,
    ) {
        self.connection.core.feed_decision(decision.verdict, now, || {
            let decided = (decision, self.generation.policy.revision());
            live_decision(method, callers, decided, refusal.map(Answer::status), now)
        });
    }

    fn recorded_requests(&self) -> RecordedRequests {
        self.generation.settings.file.gateway.access_log.requests
    }
}
