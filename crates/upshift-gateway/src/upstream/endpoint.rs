//! One endpoint of a cluster, as one core sees it.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http::HeaderValue;
use upshift_config::Endpoint;

use super::connect::UpstreamConnector;
use super::endpoint_health::{EndpointFailure, EndpointHealth};
use super::health::UpstreamHealth;
use super::pool::EndpointPool;

/// One address of a cluster, as one core sees it.
pub(crate) struct UpstreamEndpoint {
    /// Its origin, for logs and messages.
    pub(crate) name: Rc<str>,
    /// Its host and port.
    pub(crate) authority: HeaderValue,
    /// Connections to it use TLS.
    pub(crate) tls: bool,
    /// Its connections.
    pub(crate) pool: EndpointPool,
    health: HealthHandle,
    pub(super) weight: u64,
    pub(super) backup: bool,
    /// The number of requests and tunnels that all cores together may have in flight.
    max_in_flight: Option<usize>,
    /// Requests and tunnels of this core.
    pub(super) in_flight: Cell<u64>,
    /// Requests of this core that are not in the shared total yet.
    uncounted: Cell<u64>,
}

/// A reference to the shared health of an endpoint.
pub(super) struct HealthHandle {
    pub(super) upstream: Arc<UpstreamHealth>,
    pub(super) index: usize,
}

impl UpstreamEndpoint {
    pub(super) fn new(
        endpoint: &Endpoint,
        health: HealthHandle,
        connector: &Rc<UpstreamConnector>,
    ) -> Self {
        let address = &endpoint.address;
        let shared = Arc::clone(&health.upstream.endpoints[health.index]);
        let name = address.to_string();
        // The origin of an `Address` ends with its authority.
        let authority = match name.split_once("://") {
            Some((_, authority)) => authority,
            None => name.as_str(),
        };
        Self {
            authority: HeaderValue::from_str(authority).unwrap_or(HeaderValue::from_static("")),
            tls: address.tls,
            name: name.into(),
            pool: EndpointPool::new(shared, Rc::clone(connector)),
            health,
            weight: u64::from(endpoint.weight),
            backup: endpoint.backup,
            max_in_flight: endpoint.max_in_flight,
            in_flight: Cell::new(0),
            uncounted: Cell::new(0),
        }
    }

    pub(super) fn shared_health(&self) -> &EndpointHealth {
        &self.health.upstream.endpoints[self.health.index]
    }

    /// Returns true if it is neither ejected nor failing its health checks.
    pub(super) fn is_usable(&self) -> bool {
        self.health.upstream.is_usable(self.health.index)
    }

    /// Returns true if it is below its limit of requests in flight.
    pub(super) fn has_capacity(&self) -> bool {
        match self.max_in_flight {
            Some(limit) => !self.shared_health().is_full(limit),
            None => true,
        }
    }

    /// Returns true if it may get the next request.
    pub(super) fn is_available(&self) -> bool {
        self.is_usable() && self.has_capacity()
    }

    /// Returns true if it is available, and not returning from an ejection.
    pub(super) fn is_steady(&self) -> bool {
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

    /// Adds the requests of this core to the total of all.
    pub(super) fn flush_requests(&self) {
        let count = self.uncounted.take();
        if count > 0 {
            self.shared_health().totals.requests.fetch_add(count, Relaxed);
        }
    }

    /// Counts a request in flight until the guard is dropped, at the end of the response; `None` if
    /// the endpoint is at its limit.
    pub(crate) fn begin_request(self: &Rc<Self>) -> Option<InFlightGuard> {
        // Only endpoints with a limit pay for a counter that all cores write.
        if let Some(limit) = self.max_in_flight
            && !self.shared_health().take_slot(limit)
        {
            return None;
        }
        self.in_flight.set(self.in_flight.get() + 1);
        self.uncounted.set(self.uncounted.get() + 1);
        Some(InFlightGuard(Rc::clone(self)))
    }
}

impl Drop for UpstreamEndpoint {
    fn drop(&mut self) {
        self.flush_requests();
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
        if self.0.max_in_flight.is_some() {
            self.0.shared_health().release_slot();
        }
    }
}
