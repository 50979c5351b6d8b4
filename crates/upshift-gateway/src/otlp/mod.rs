//! The export of metrics and traces over OTLP, in a thread of its own. No request waits for it.
//!
//! The configuration is that of the generation in force, so a reload changes where and whether
//! anything is exported.

mod attributes;
mod delivery;
mod families;
mod http_metrics;
mod ids;
mod metrics;
mod span_of_time;
mod spans;
mod stopped;
mod traces;

use std::sync::Arc;

use self::metrics::MetricExport;
use self::stopped::Stopped;
use self::traces::TraceExport;
use crate::shared::Shared;

/// Exports until the gateway has stopped, and then what is left.
pub(crate) async fn run_export(shared: Arc<Shared>, stopped: Stopped) {
    let metrics = MetricExport::new(Arc::clone(&shared), stopped.clone());
    // The one receiver is taken once: a gateway runs once.
    match shared.traces.take_receiver() {
        Some(queued) => {
            let traces = TraceExport::new(Arc::clone(&shared), stopped, queued);
            tokio::join!(metrics.run(), traces.run());
        }
        None => metrics.run().await,
    }
}
