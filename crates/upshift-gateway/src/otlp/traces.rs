//! The export of traces: batches of the spans of exchanges that have ended.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::attributes::{resource, scope};
use super::delivery::Delivery;
use super::spans::spans_of;
use super::stopped::{Stopped, is_stopped};
use crate::shared::Shared;
use crate::telemetry::plan::TelemetryPlan;
use crate::telemetry::traces::{FinishedExchange, Signal};

/// The most exchanges of one batch.
const MOST_AT_ONCE: usize = 512;

/// The time for which a batch that is not full waits for more.
const BATCH_TIME: Duration = Duration::from_secs(1);

/// Exports what is queued.
pub(super) struct TraceExport {
    shared: Arc<Shared>,
    stopped: Stopped,
    queued: mpsc::Receiver<FinishedExchange>,
    delivery: Delivery,
}

impl TraceExport {
    /// An export of the exchanges that arrive in `queued`.
    pub(super) fn new(
        shared: Arc<Shared>,
        stopped: Stopped,
        queued: mpsc::Receiver<FinishedExchange>,
    ) -> Self {
        let delivery = Delivery::new(Arc::clone(&shared), stopped.clone(), Signal::Traces);
        Self { shared, stopped, queued, delivery }
    }

    /// Exports until the gateway has stopped and the queue is empty.
    pub(super) async fn run(mut self) {
        loop {
            let batch = self.next_batch().await;
            if batch.is_empty() {
                return;
            }
            self.export_batch(&batch).await;
        }
    }

    /// The next exchanges; none if the gateway has stopped and the queue is empty.
    async fn next_batch(&mut self) -> Vec<FinishedExchange> {
        let mut batch = Vec::new();
        if !is_stopped(&self.stopped) {
            tokio::select! {
                _ = self.queued.recv_many(&mut batch, MOST_AT_ONCE) => {}
                _ = self.stopped.changed() => {}
            }
        }
        let deadline = Instant::now() + BATCH_TIME;
        while batch.len() < MOST_AT_ONCE && !is_stopped(&self.stopped) {
            let room = MOST_AT_ONCE - batch.len();
            tokio::select! {
                more = timeout_at(deadline, self.queued.recv_many(&mut batch, room)) => {
                    if more.is_err() {
                        return batch;
                    }
                }
                _ = self.stopped.changed() => {}
            }
        }
        while batch.len() < MOST_AT_ONCE
            && let Ok(exchange) = self.queued.try_recv()
        {
            batch.push(exchange);
        }
        batch
    }

    async fn export_batch(&mut self, batch: &[FinishedExchange]) {
        let count = batch.iter().map(FinishedExchange::span_count).sum();
        let plan = Arc::clone(&self.shared.generation.load().telemetry);
        // A reload may have ended the export while these were queued.
        let Some(receiver) = &plan.traces else { return self.shared.losses.count_spans(count) };
        let body = encode_batch(batch, &plan);
        if !self.delivery.deliver(receiver, body).await {
            self.shared.losses.count_spans(count);
        }
    }
}

fn encode_batch(batch: &[FinishedExchange], plan: &TelemetryPlan) -> Bytes {
    let mut spans = Vec::new();
    for exchange in batch {
        spans.extend(spans_of(exchange));
    }
    let scope_spans = ScopeSpans { scope: Some(scope()), spans, ..ScopeSpans::default() };
    let resource_spans = ResourceSpans {
        resource: Some(resource(&plan.resource)),
        scope_spans: vec![scope_spans],
        ..ResourceSpans::default()
    };
    let request = ExportTraceServiceRequest { resource_spans: vec![resource_spans] };
    request.encode_to_vec().into()
}
