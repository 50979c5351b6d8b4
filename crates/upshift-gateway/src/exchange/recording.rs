//! The parts of a request and of its decision that the report of an exchange keeps.

use std::rc::Rc;

use http::{HeaderValue, request};
use upshift_adoption::RequestCallers;
use upshift_config::RecordedRequests;
use upshift_core::{Decision, Timestamp, Verdict};

use crate::core_local::CoreLocal;
use crate::exchange::connection::Connection;
use crate::generation::Generation;
use crate::progress::stream_watch::StreamProgress;
use crate::telemetry::exchange_report::{ExchangeClient, ExchangeReport};
use crate::telemetry::logged_request::{LoggedDecision, LoggedRequest};
use crate::telemetry::trace_context::TraceId;

/// Begins the report of a request whose head was read.
pub(super) fn begin_report(
    connection: &Connection,
    parts: &request::Parts,
    stream: Option<Rc<StreamProgress>>,
) -> Rc<ExchangeReport> {
    let client = ExchangeClient { activity: Rc::clone(&connection.activity), stream };
    let trace_id = TraceId::from_fields(&parts.headers);
    let sink = Rc::<CoreLocal>::clone(&connection.core);
    ExchangeReport::begin(sink, client, Some(parts.method.clone()), trace_id)
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
    pub(super) fn log_undecided(&self, parts: &request::Parts) {
        if self.recorded_requests() == RecordedRequests::All {
            let seen = self.connection.info(parts.version);
            self.report.log_request(LoggedRequest::undecided(parts, seen, self.id));
        }
    }

    /// Keeps the request and the decision on it.
    pub(super) fn log_decided(
        &self,
        parts: &request::Parts,
        callers: &RequestCallers<'_>,
        decision: &Decision<'_>,
        now: Timestamp,
    ) {
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
            parts,
            callers.facts(),
            self.id,
            now,
            &self.generation.requirement_inputs,
            logged,
        );
        self.report.log_request(request);
    }

    fn recorded_requests(&self) -> RecordedRequests {
        self.generation.settings.file.gateway.access_log.requests
    }
}
