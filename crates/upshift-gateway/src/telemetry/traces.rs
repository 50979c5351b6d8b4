//! Exchanges whose spans are exported: what is kept of them, and the queue that they wait in.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use upshift_core::Timestamp;

use crate::telemetry::request_labels::RequestLabels;
use crate::telemetry::trace_context::{SpanId, TraceContext};

/// The number of exchanges that may wait.
const BACKLOG: usize = 4 * 1024;

/// The trace of an exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExchangeTrace {
    /// The trace, and the caller's span in it.
    pub(crate) context: TraceContext,
    /// The span of the exchange itself.
    pub(crate) span_id: SpanId,
    /// The spans of the exchange are exported.
    pub(crate) is_recorded: bool,
}

/// The parts of a request that its span shows. The query is none of them: it may hold tokens.
#[derive(Debug, Default)]
pub(crate) struct TracedRequest {
    /// The host, without the port.
    pub(crate) host: String,
    /// The path.
    pub(crate) path: String,
    /// The client's address.
    pub(crate) peer: Option<IpAddr>,
    /// The rule that decided, its phase and the reason.
    pub(crate) decision: Option<[String; 3]>,
}

/// An exchange that has ended, for its spans.
#[derive(Debug)]
pub(crate) struct FinishedExchange {
    pub(crate) trace: ExchangeTrace,
    pub(crate) labels: RequestLabels,
    pub(crate) request: Box<TracedRequest>,
    pub(crate) verdict: Option<&'static str>,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<&'static str>,
    pub(crate) ended: Timestamp,
    pub(crate) duration: Duration,
    pub(crate) attempts: Vec<FinishedAttempt>,
}

/// An attempt to get a response from an endpoint, for its span.
#[derive(Debug)]
pub(crate) struct FinishedAttempt {
    pub(crate) span_id: SpanId,
    pub(crate) endpoint: String,
    /// The time from its beginning to the end of the exchange.
    pub(crate) before_end: Duration,
    pub(crate) took: Duration,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<&'static str>,
}

/// The queue of the exchanges whose spans are to be exported. No request waits for a receiver: if
/// the queue is full, spans are dropped.
pub(crate) struct TraceQueue {
    sender: Sender<FinishedExchange>,
    /// Its other end, until the export takes it.
    receiver: Mutex<Option<Receiver<FinishedExchange>>>,
}

/// The losses of exports since the start.
#[derive(Debug, Default)]
pub(crate) struct ExportLosses {
    spans: AtomicU64,
    metrics: AtomicU64,
    traces: AtomicU64,
}

/// A kind of data that is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Metrics.
    Metrics,
    /// Traces.
    Traces,
}

impl TraceQueue {
    /// An empty queue.
    pub(crate) fn new() -> Self {
        let (sender, receiver) = channel(BACKLOG);
        Self { sender, receiver: Mutex::new(Some(receiver)) }
    }

    /// Queues an exchange; returns the number of its spans that are dropped because the queue is
    /// full.
    pub(crate) fn push(&self, exchange: FinishedExchange) -> usize {
        match self.sender.try_send(exchange) {
            Ok(()) => 0,
            Err(TrySendError::Full(lost) | TrySendError::Closed(lost)) => lost.span_count(),
        }
    }

    /// The end that the export reads; `None` if it was taken.
    pub(crate) fn take_receiver(&self) -> Option<Receiver<FinishedExchange>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl FinishedExchange {
    /// The number of its spans.
    pub(crate) fn span_count(&self) -> usize {
        1 + self.attempts.len()
    }
}

impl ExportLosses {
    /// Counts spans that are not exported.
    pub(crate) fn count_spans(&self, count: usize) {
        self.spans.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Counts an export that failed, after all retries.
    pub(crate) fn count_failure(&self, signal: Signal) {
        self.counter_of(signal).fetch_add(1, Ordering::Relaxed);
    }

    /// The number of spans that were not exported.
    pub(crate) fn spans(&self) -> u64 {
        self.spans.load(Ordering::Relaxed)
    }

    /// The number of exports that failed, by signal.
    pub(crate) fn failures(&self) -> [(&'static str, u64); 2] {
        [Signal::Metrics, Signal::Traces].map(|signal| (signal.as_str(), self.failures_of(signal)))
    }

    /// The number of exports of a signal that failed.
    pub(crate) fn failures_of(&self, signal: Signal) -> u64 {
        self.counter_of(signal).load(Ordering::Relaxed)
    }

    fn counter_of(&self, signal: Signal) -> &AtomicU64 {
        match signal {
            Signal::Metrics => &self.metrics,
            Signal::Traces => &self.traces,
        }
    }
}

impl Signal {
    /// The name, in logs and as a label.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Traces => "traces",
        }
    }
}
