//! The upstream clusters as one core sees them: endpoints, load balancing, connection pools.
//!
//! 1. Of two endpoints drawn at random by weight, the one with fewer requests in flight gets the
//!    request ("power of two choices").
//! 2. An unhealthy endpoint ([`health`]) is skipped, unless all are unhealthy; a backup is used
//!    only if no primary is available.
//! 3. A request that no upstream can have seen is tried on the next endpoint.
//! 4. If this process runs out of descriptors, no endpoint is blamed.

mod choice;
pub(crate) mod connect;
mod ejection;
pub(crate) mod endpoint_health;
pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod pool;
mod recent;
mod retry;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http::HeaderValue;
use upshift_config::{Endpoint, Limits, Upstream};

pub(crate) use choice::Candidates;
pub(crate) use connect::{ConnectError, UpstreamConnector};
pub(crate) use endpoint_health::EndpointFailure;
pub(crate) use health::UpstreamHealth;
pub(crate) use retry::RetryBudget;

use crate::body::RequestBody;
use pool::EndpointPool;

/// The use of a connection for one proxied request.
pub(crate) type Checkout = pool::Checkout<RequestBody>;
/// A connection for proxied requests.
pub(crate) type PooledConnection = pool::PooledConnection<RequestBody>;
/// A proxied request that got no response.
pub(crate) type SendError = pool::SendError<RequestBody>;

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
            endpoints.push(Rc::new(UpstreamEndpoint::new(endpoint, upstream, handle, connector)));
        }
        Self { endpoints, retries: upstream.retries.then(RetryBudget::new) }
    }

    /// The endpoints in the order in which a request tries them.
    pub(crate) fn candidates(&self) -> Candidates<'_> {
        Candidates::untried(&self.endpoints)
    }

    /// The origins of its endpoints, for messages.
    pub(crate) fn name(&self) -> String {
        let names: Vec<&str> =
            self.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
        names.join(", ")
    }

    /// Closes connections that have been idle for too long.
    pub(crate) fn close_idle(&self, limits: &Limits) {
        for endpoint in &self.endpoints {
            endpoint.pool.close_idle(limits.upstream_idle);
        }
    }
}

/// One address of a cluster, as one core sees it.
pub(crate) struct UpstreamEndpoint {
    /// Its origin, for logs and messages.
    pub(crate) name: String,
    /// Its host and port.
    pub(crate) authority: HeaderValue,
    /// Connections to it use TLS.
    pub(crate) tls: bool,
    /// Its connections.
    pub(crate) pool: EndpointPool<RequestBody>,
    health: HealthHandle,
    weight: u64,
    backup: bool,
    /// The number of requests and tunnels that all cores together may have in flight.
    limit: Option<usize>,
    /// Requests and tunnels of this core.
    in_flight: Cell<u64>,
}

/// A reference to the shared health of an endpoint.
struct HealthHandle {
    upstream: Arc<UpstreamHealth>,
    index: usize,
}

impl UpstreamEndpoint {
    fn new(
        endpoint: &Endpoint,
        upstream: &Upstream,
        health: HealthHandle,
        connector: &Rc<UpstreamConnector>,
    ) -> Self {
        let address = &endpoint.address;
        let name = address.to_string();
        // The origin of an `Address` ends with its authority.
        let authority = match name.split_once("://") {
            Some((_, authority)) => authority,
            None => name.as_str(),
        };
        Self {
            authority: HeaderValue::from_str(authority).unwrap_or(HeaderValue::from_static("")),
            tls: address.tls,
            name,
            pool: EndpointPool::new(address.clone(), upstream.http, Rc::clone(connector)),
            health,
            weight: u64::from(endpoint.weight),
            backup: endpoint.backup,
            limit: endpoint.connections,
            in_flight: Cell::new(0),
        }
    }

    fn shared_health(&self) -> &endpoint_health::EndpointHealth {
        &self.health.upstream.endpoints[self.health.index]
    }

    /// Returns true if it is neither ejected nor failing its health checks.
    fn is_usable(&self) -> bool {
        self.health.upstream.is_usable(self.health.index)
    }

    /// Returns true if it is below its limit of requests in flight.
    fn has_capacity(&self) -> bool {
        match self.limit {
            Some(limit) => !self.shared_health().is_full(limit),
            None => true,
        }
    }

    /// Returns true if it may get the next request.
    fn is_available(&self) -> bool {
        self.is_usable() && self.has_capacity()
    }

    /// Returns true if it is available, and not returning from an ejection.
    fn is_steady(&self) -> bool {
        self.is_available() && !self.shared_health().is_returning()
    }

    /// Records a request that it failed.
    pub(crate) fn record_failure(&self, failure: EndpointFailure) {
        self.health.upstream.record_failure(self.health.index, failure);
    }

    /// Records a request that was lost because it closed a reused connection that had been idle
    /// for `idle`.
    pub(crate) fn record_closed(&self, idle: Duration) {
        self.health.upstream.record_closed(self.health.index, idle);
    }

    /// Records a response on a reused connection.
    pub(crate) fn record_reuse(&self) {
        self.shared_health().record_reuse();
    }

    /// Records a request that succeeded.
    pub(crate) fn record_success(&self) {
        self.health.upstream.record_success(self.health.index);
    }

    /// Counts a request that is sent again because this endpoint failed it.
    pub(crate) fn count_retry(&self) {
        self.shared_health().totals.retries.fetch_add(1, Relaxed);
    }

    /// Counts a request in flight until the guard is dropped, at the end of the response; `None` if
    /// the endpoint is at its limit.
    pub(crate) fn begin_request(self: &Rc<Self>) -> Option<InFlightGuard> {
        // Only endpoints with a limit pay for a counter that all cores write.
        if let Some(limit) = self.limit
            && !self.shared_health().take_slot(limit)
        {
            return None;
        }
        self.in_flight.set(self.in_flight.get() + 1);
        Some(InFlightGuard(Rc::clone(self)))
    }
}

/// One request in flight at an endpoint.
pub(crate) struct InFlightGuard(Rc<UpstreamEndpoint>);

impl InFlightGuard {
    /// A handle to the endpoint that outlives the guard.
    pub(crate) fn endpoint_handle(&self) -> Rc<UpstreamEndpoint> {
        Rc::clone(&self.0)
    }

    /// The endpoint.
    pub(crate) fn endpoint(&self) -> &UpstreamEndpoint {
        &self.0
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.in_flight.set(self.0.in_flight.get() - 1);
        if self.0.limit.is_some() {
            self.0.shared_health().release_slot();
        }
    }
}
