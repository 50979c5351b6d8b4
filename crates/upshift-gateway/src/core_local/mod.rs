//! The state that one core owns: its counters, its random numbers and its generation. Other cores
//! see none of it.

mod generation;

use std::cell::{Cell, RefCell, RefMut};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::Notify;
use upshift_adoption::canary::RecordedFields;
use upshift_adoption::usage::UsageTally;
use upshift_adoption::{CallerTally, RequestCallers};
use upshift_config::Limits;
use upshift_core::{Decision, Timestamp, TlsState, Verdict};
use upshift_record::live::LiveDecision;

pub(crate) use self::generation::LocalGeneration;
use crate::local_reply::LocalReply;
use crate::progress::activity::Activity;
use crate::random::Random;
use crate::shared::Shared;
use crate::telemetry::access;
use crate::telemetry::counts::CoreCounts;
use crate::telemetry::decision_feed::FeedAllowance;
use crate::telemetry::disconnect::DisconnectReason;
use crate::telemetry::exchange_report::{ExchangeReport, ExchangeSink};
use crate::telemetry::handshake::HandshakeFailure;
use crate::telemetry::log_limit::LogLimit;
use crate::telemetry::open_guard::{OpenGuard, Opened};
use crate::telemetry::request_labels::RequestLabels;
use crate::telemetry::trace_context::SpanId;

/// The state of one core.
pub(crate) struct CoreLocal {
    /// The state that it shares with the others.
    pub(crate) shared: Arc<Shared>,
    /// Its counters since they were last merged.
    pub(crate) counts: Rc<RefCell<CoreCounts>>,
    /// The callers that it saw since it last reported to the breaker.
    tally: RefCell<CallerTally>,
    /// Notified when something is added to `tally`.
    tally_begun: Notify,
    /// The usage that it counted since it last handed over.
    usage: RefCell<UsageTally>,
    /// Its random numbers.
    pub(crate) random: RefCell<Random>,
    generation: RefCell<Rc<LocalGeneration>>,
    /// The decisions that it may still send to the live feed.
    feed_allowance: FeedAllowance,
    /// The epoch of the notes for the canary.
    notes_epoch: Cell<u64>,
    warned_of_proxy: Cell<bool>,
    fault_log: LogLimit,
    cutting_off: Cell<bool>,
}

impl CoreLocal {
    /// A core that has counted nothing yet.
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let generation = LocalGeneration::new(shared.generation.load_full(), &shared.descriptors);
        let hasher = shared.control.key().caller_hasher();
        Self {
            usage: RefCell::new(UsageTally::new(hasher)),
            shared,
            counts: Rc::default(),
            tally: RefCell::default(),
            tally_begun: Notify::new(),
            random: RefCell::new(Random::new()),
            generation: RefCell::new(Rc::new(generation)),
            feed_allowance: FeedAllowance::default(),
            notes_epoch: Cell::new(0),
            warned_of_proxy: Cell::new(false),
            fault_log: LogLimit::default(),
            cutting_off: Cell::new(false),
        }
    }

    /// The generation in force, as this core sees it.
    pub(crate) fn generation(&self) -> Rc<LocalGeneration> {
        let current = self.shared.generation.load();
        let mut local = self.generation.borrow_mut();
        if !Arc::ptr_eq(&local.shared, &current) {
            let next = LocalGeneration::new(Arc::clone(&current), &self.shared.descriptors);
            *local = Rc::new(next);
        }
        Rc::clone(&local)
    }

    /// The limits in force.
    pub(crate) fn limits(&self) -> Limits {
        self.generation().shared.settings.file.limits.clone()
    }

    /// The activity of a client's connection that was just accepted.
    pub(crate) fn new_activity(&self) -> Rc<Activity> {
        Activity::new(self.shared.draining.subscribe())
    }

    /// Merges the counters of this core into those of all.
    pub(crate) fn flush_counts(&self) {
        let counts = self.counts.take();
        self.shared.totals().add_counts(counts);
    }

    /// The callers that this core saw, to add to them.
    pub(crate) fn tally_mut(&self) -> RefMut<'_, CallerTally> {
        let tally = self.tally.borrow_mut();
        // Once per report, and not once per request.
        if tally.is_empty() {
            self.tally_begun.notify_one();
        }
        tally
    }

    /// Waits until there is something to report to the breaker.
    pub(crate) async fn await_tally(&self) {
        self.tally_begun.notified().await;
    }

    /// Reports the callers that this core saw to the breaker.
    pub(crate) fn flush_tally(&self) {
        let tally = self.tally.take();
        if !tally.is_empty() {
            self.shared.control.hand_in(tally);
        }
    }

    /// Counts the usage of one decided request.
    pub(crate) fn count_usage(
        &self,
        callers: &RequestCallers<'_>,
        decision: &Decision<'_>,
        now: Timestamp,
        recorded: &RecordedFields,
    ) {
        let mut usage = self.usage.borrow_mut();
        usage.count_decision(callers, decision, now, recorded);
        if usage.is_full() {
            self.hand_over_usage(&mut usage);
        }
    }

    /// Hands over the usage that this core counted.
    pub(crate) fn flush_usage(&self) {
        let mut usage = self.usage.borrow_mut();
        let notes = self.shared.control.notes_epoch();
        if self.notes_epoch.replace(notes) != notes {
            usage.forget_notes();
        }
        if !usage.is_idle() {
            self.hand_over_usage(&mut usage);
        }
    }

    fn hand_over_usage(&self, usage: &mut UsageTally) {
        if !self.shared.control.hand_in_usage(usage.take_batch()) {
            // The batch defined senders that later ones would refer to.
            usage.forget_senders();
        }
    }

    /// Sends a decision to the live feed, if a page watches and there were not too many.
    pub(crate) fn feed_decision(
        &self,
        verdict: Verdict,
        now: Timestamp,
        make_record: impl FnOnce() -> LiveDecision,
    ) {
        let feed = &self.shared.feed;
        if feed.is_watched() && self.feed_allowance.admit(verdict, now.as_second()) {
            // The record has strings, numbers and lists only, which are always JSON.
            let json = serde_json::to_string(&make_record()).unwrap_or_default();
            feed.send(&json.into());
        }
    }

    /// Reports the decisions that were not sent to the live feed.
    pub(crate) fn flush_feed(&self) {
        let left_out = self.feed_allowance.take_left_out();
        if left_out > 0 {
            self.shared.feed.add_left_out(left_out);
        }
    }

    /// Counts a fault by its cause, and logs it if the operator can do something about it.
    pub(crate) fn count_local_reply(&self, reply: &LocalReply, request_id: &str) {
        self.counts.borrow_mut().local_replies.add_one(reply.cause_label());
        let Some(report) = reply.operator_report() else { return };
        if let Some(suppressed) = self.fault_log.admit() {
            let status = reply.status().as_u16();
            tracing::warn!(status, request_id, suppressed, "{report}");
        }
    }

    /// Counts a connection that ended badly.
    pub(crate) fn count_disconnect(&self, reason: DisconnectReason) {
        self.counts.borrow_mut().disconnects.add_one(reason.as_str());
    }

    /// Counts a TLS handshake that succeeded.
    pub(crate) fn count_handshake(&self, tls: TlsState) {
        if let TlsState::Version(version) = tls {
            self.counts.borrow_mut().tls_handshakes.add_one(version.as_str());
        }
    }

    /// Counts a TLS handshake that failed, which ends its connection.
    pub(crate) fn count_handshake_failure(
        &self,
        reason: DisconnectReason,
        failure: HandshakeFailure,
    ) {
        self.count_disconnect(reason);
        self.counts.borrow_mut().tls_failures.add_one(failure.cause());
    }

    /// Counts a TLS handshake that took too long.
    pub(crate) fn count_handshake_timeout(&self) {
        self.count_handshake_failure(DisconnectReason::TlsTimeout, HandshakeFailure::Timeout);
    }

    /// Counts a connection that the listener accepted, as open until the guard is dropped.
    pub(crate) fn open_connection(&self, listener: &'static str) -> OpenGuard {
        self.counts.borrow_mut().accepted.add_one(listener);
        OpenGuard::new(&self.counts, Opened::Connection(listener))
    }

    /// Counts a tunnel as open until the guard is dropped.
    pub(crate) fn open_tunnel(&self) -> OpenGuard {
        OpenGuard::new(&self.counts, Opened::Tunnel)
    }

    /// Counts a connection if it ended badly.
    pub(crate) fn count_codec_end(&self, ended: Result<(), DisconnectReason>) {
        if let Err(reason) = ended {
            self.count_disconnect(reason);
        }
    }

    /// Records that the exchanges that are left are cut off, because they did not end in time.
    pub(crate) fn begin_cut_off(&self) {
        self.cutting_off.set(true);
    }

    /// Counts a request from a peer that looks like an undeclared proxy, and logs the first.
    pub(crate) fn undeclared_proxy_seen(&self, peer: IpAddr) {
        self.counts.borrow_mut().undeclared += 1;
        if !self.warned_of_proxy.replace(true) {
            tracing::warn!(
                %peer,
                "a private peer sends X-Forwarded-Proto but is not a declared proxy: the TLS and HTTP \
                 versions of its clients are treated as unknown. Declare it as a [[gateway.proxy]]"
            );
        }
    }
}

impl ExchangeSink for CoreLocal {
    fn is_cutting_off(&self) -> bool {
        self.cutting_off.get()
    }

    fn begin_exchange(&self, request: &RequestLabels) {
        self.counts.borrow_mut().exchanges.count_begin(request);
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::generate(&mut self.random.borrow_mut())
    }

    /// Counts an exchange, queues its spans, and writes its access record.
    fn finish_exchange(&self, report: &ExchangeReport) {
        self.counts.borrow_mut().exchanges.count_exchange(report);
        if let Some(exchange) = report.finish_trace() {
            let dropped = self.shared.traces.push(exchange);
            self.shared.losses.count_spans(dropped);
        }
        if let Some(request) = report.take_logged() {
            let generation = self.shared.generation.load();
            let format = &generation.settings.file.gateway.access_log.format;
            self.shared.access.write_line(access::record_line(format, report, *request));
        }
    }
}
