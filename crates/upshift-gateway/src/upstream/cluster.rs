//! The cluster of one upstream.

use std::rc::Rc;
use std::sync::Arc;

use upshift_config::{Limits, Upstream};

use super::choice::Candidates;
use super::connect::UpstreamConnector;
use super::endpoint::{HealthHandle, UpstreamEndpoint};
use super::health::UpstreamHealth;
use super::retry::RetryBudget;

/// The endpoints of one upstream.
pub(crate) struct Cluster {
    endpoints: Vec<Rc<UpstreamEndpoint>>,
    /// The retry budget; `None` if retries are off.
    pub(crate) retries: Option<RetryBudget>,
}

impl Cluster {
    /// The cluster of `upstream`, whose `health` all cores share.
    pub(crate) fn new(
        upstream: &Upstream,
        health: &Arc<UpstreamHealth>,
        connector: &Rc<UpstreamConnector>,
    ) -> Self {
        // In the order of the file, so that the indices are those of `health`.
        let mut endpoints = Vec::with_capacity(upstream.endpoints.len());
        for (index, endpoint) in upstream.endpoints.iter().enumerate() {
            let handle = HealthHandle { upstream: Arc::clone(health), index };
            endpoints.push(Rc::new(UpstreamEndpoint::new(endpoint, handle, connector)));
        }
        Self { endpoints, retries: upstream.retries.then(RetryBudget::new) }
    }

    /// The endpoints in the order in which a request tries them.
    pub(crate) fn candidates(&self) -> Candidates<'_> {
        Candidates::untried(&self.endpoints)
    }

    /// The origins of its endpoints, for messages.
    pub(crate) fn name(&self) -> String {
        let names: Vec<&str> = self.endpoints.iter().map(|endpoint| &*endpoint.name).collect();
        names.join(", ")
    }

    /// Closes connections that have been idle for too long, and adds the requests of this core to
    /// the totals of all.
    pub(crate) fn do_housekeeping(&self, limits: &Limits) {
        for endpoint in &self.endpoints {
            endpoint.pool.close_idle(limits.upstream_idle);
            endpoint.flush_requests();
        }
    }
}
