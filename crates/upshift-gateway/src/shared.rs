//! The state that all cores share. A request reads one atomic pointer of it and writes nothing.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::client_connections::ClientConnections;
use crate::descriptors::DescriptorBudget;
use crate::generation::Generation;
use crate::rollout::Control;
use crate::sockets::ListenerInfo;
use crate::telemetry::access::AccessWriter;
use crate::telemetry::decision_feed::DecisionFeed;
use crate::telemetry::metrics::MetricTotals;
use crate::telemetry::traces::{ExportLosses, TraceQueue};

/// The state that all cores share.
pub(crate) struct Shared {
    /// The generation in force.
    pub(crate) generation: Arc<ArcSwap<Generation>>,
    /// The listeners that answers point to.
    pub(crate) listeners: ListenerInfo,
    /// True from the signal to stop on.
    pub(crate) stopping: AtomicBool,
    /// Becomes true when no more connections are accepted.
    pub(crate) draining: watch::Sender<bool>,
    /// The overrides, and the breaker.
    pub(crate) control: Arc<Control>,
    /// The exchanges whose spans are to be exported.
    pub(crate) traces: TraceQueue,
    /// The losses of exports.
    pub(crate) losses: ExportLosses,
    /// The writer of access records.
    pub(crate) access: AccessWriter,
    /// The live feed of decisions.
    pub(crate) feed: Arc<DecisionFeed>,
    /// The descriptors for connections.
    pub(crate) descriptors: Arc<DescriptorBudget>,
    /// The number of cores that serve.
    pub(crate) workers: usize,
    /// The clients' connections on all of them.
    pub(crate) clients: ClientConnections,
    /// The counters of all cores, merged once a second.
    pub(crate) totals: Mutex<MetricTotals>,
}

impl Shared {
    /// The merged counters.
    pub(crate) fn totals(&self) -> MutexGuard<'_, MetricTotals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
