//! The export of metrics: all of them, again and again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, ScopeMetrics};
use prometheus_client::encoding::prometheus_protobuf;
use prost::Message as _;
use tokio::time::sleep;
use upshift_core::Timestamp;

use super::attributes::{resource, scope};
use super::delivery::Delivery;
use super::families::metrics_of;
use super::http_metrics::http_metrics;
use super::span_of_time::{SpanOfTime, nanoseconds};
use super::stopped::{Stopped, is_stopped};
use crate::metric_registry::read_metrics;
use crate::shared::Shared;
use crate::telemetry::traces::Signal;

/// The time after which it is looked again whether metrics are exported.
const RECHECK: Duration = Duration::from_secs(1);

/// Exports all metrics at the interval that is configured.
pub(super) struct MetricExport {
    shared: Arc<Shared>,
    stopped: Stopped,
    delivery: Delivery,
    /// The time since which everything is counted.
    start: u64,
}

impl MetricExport {
    /// An export of the metrics of a gateway that has just started.
    pub(super) fn new(shared: Arc<Shared>, stopped: Stopped) -> Self {
        let delivery = Delivery::new(Arc::clone(&shared), stopped.clone(), Signal::Metrics);
        Self { shared, stopped, delivery, start: nanoseconds(Timestamp::now()) }
    }

    /// Exports until the gateway has stopped, and then once more.
    pub(super) async fn run(mut self) {
        let mut passed = Duration::ZERO;
        while !is_stopped(&self.stopped) {
            let plan = Arc::clone(&self.shared.generation.load().telemetry);
            // In steps, so that a reload that begins an export or shortens its interval is seen.
            let step = match &plan.metrics {
                Some(_) => plan.interval.saturating_sub(passed).min(RECHECK),
                None => RECHECK,
            };
            tokio::select! {
                () = sleep(step) => passed += step,
                _ = self.stopped.changed() => break,
            }
            if plan.metrics.is_some() && passed >= plan.interval {
                passed = Duration::ZERO;
                self.export().await;
            }
        }
        self.export().await;
    }

    async fn export(&mut self) {
        let plan = Arc::clone(&self.shared.generation.load().telemetry);
        let Some(receiver) = &plan.metrics else { return };
        match self.encode_metrics(&plan.resource) {
            Ok(body) => {
                self.delivery.deliver(receiver, body).await;
            }
            Err(error) => tracing::error!(%error, "the metrics cannot be encoded"),
        }
    }

    fn encode_metrics(&self, pairs: &[(String, String)]) -> Result<Bytes, std::fmt::Error> {
        let time = SpanOfTime { start: self.start, end: nanoseconds(Timestamp::now()) };
        let counts = self.shared.totals().exchange_counts().clone();
        let (mut registry, durations) = read_metrics(&self.shared);
        registry.register_collector(Box::new(durations));
        let mut metrics = http_metrics(&counts, time);
        metrics.extend(metrics_of(prometheus_protobuf::encode(&registry)?, time));
        let scope_metrics =
            ScopeMetrics { scope: Some(scope()), metrics, ..ScopeMetrics::default() };
        let resource_metrics = ResourceMetrics {
            resource: Some(resource(pairs)),
            scope_metrics: vec![scope_metrics],
            ..ResourceMetrics::default()
        };
        let request = ExportMetricsServiceRequest { resource_metrics: vec![resource_metrics] };
        Ok(request.encode_to_vec().into())
    }
}
