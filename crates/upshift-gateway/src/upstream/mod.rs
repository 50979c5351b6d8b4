//! The upstreams behind the gateway, as one core sees them: replicas, their connections, their
//! load.
//!
//! 1. Of two replicas drawn at random by their weights, the one with fewer requests under way is
//!    asked ("power of two choices").
//! 2. A replica that is not well ([`health`]) is passed over, unless all are; a backup is asked
//!    where no other has a place.
//! 3. A request that no upstream can have seen is tried on the next replica.
//! 4. Where this process has no descriptor left, no replica is at fault.

mod choice;
pub(crate) mod connect;
mod ejection;
pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod pool;
mod recent;
mod retry;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use upshift_config::{Endpoint, Limits, Upstream};

pub(crate) use choice::Candidates;
pub(crate) use connect::{ConnectError, Connector};
pub(crate) use health::{Failure, UpstreamHealth};
pub(crate) use pool::{Lease, Link, SendError};
pub(crate) use retry::RetryBudget;

use pool::Pool;

/// The replicas of one upstream.
pub(crate) struct Site {
    replicas: Vec<Rc<Replica>>,
    /// How many requests may be sent a second time; none if `retries = 0`.
    pub(crate) retries: Option<RetryBudget>,
}

impl Site {
    /// The site of `upstream`, whose `health` all cores share.
    pub(crate) fn new(
        upstream: &Upstream,
        health: &Arc<UpstreamHealth>,
        connector: &Rc<Connector>,
    ) -> Self {
        let endpoints = upstream.endpoints.iter().enumerate();
        let replica = |(index, endpoint)| {
            let health = ReplicaHealth { upstream: Arc::clone(health), index };
            Rc::new(Replica::new(endpoint, upstream, health, connector))
        };
        Self {
            replicas: endpoints.map(replica).collect(),
            retries: upstream.retries.then(RetryBudget::new),
        }
    }

    /// The replicas in the order in which to try them.
    pub(crate) fn candidates(&self) -> Candidates<'_> {
        Candidates::of(&self.replicas)
    }

    /// The names of its replicas.
    pub(crate) fn name(&self) -> String {
        let names: Vec<&str> = self.replicas.iter().map(|replica| replica.name.as_str()).collect();
        names.join(", ")
    }

    /// Closes connections that have rested too long.
    pub(crate) fn sweep(&self, limits: &Limits) {
        for replica in &self.replicas {
            replica.pool.sweep(limits.upstream_idle);
        }
    }
}

/// One address of a site.
pub(crate) struct Replica {
    /// As people know it.
    pub(crate) name: String,
    /// Its host and port.
    pub(crate) authority: HeaderValue,
    /// Whether it is spoken to over TLS.
    pub(crate) tls: bool,
    /// Its connections.
    pub(crate) pool: Pool,
    health: ReplicaHealth,
    weight: u64,
    backup: bool,
    /// Requests and tunnels that all cores may send it at once.
    limit: Option<usize>,
    /// Those of this core.
    under_way: Cell<u64>,
}

/// Where the health of a replica is kept.
struct ReplicaHealth {
    upstream: Arc<UpstreamHealth>,
    index: usize,
}

impl Replica {
    fn new(
        endpoint: &Endpoint,
        upstream: &Upstream,
        health: ReplicaHealth,
        connector: &Rc<Connector>,
    ) -> Self {
        let address = &endpoint.address;
        let name = address.to_string();
        let authority = name.split_once("://").map_or(name.as_str(), |(_, authority)| authority);
        Self {
            authority: HeaderValue::from_str(authority).unwrap_or(HeaderValue::from_static("")),
            tls: address.tls,
            name,
            pool: Pool::new(address.clone(), upstream.http, Rc::clone(connector)),
            health,
            weight: u64::from(endpoint.weight),
            backup: endpoint.backup,
            limit: endpoint.connections,
            under_way: Cell::new(0),
        }
    }

    fn shared(&self) -> &health::EndpointHealth {
        &self.health.upstream.endpoints[self.health.index]
    }

    /// Tells whether it is not left out.
    fn is_usable(&self) -> bool {
        self.health.upstream.is_usable(self.health.index)
    }

    /// Tells whether it may get another request.
    fn has_place(&self) -> bool {
        self.limit.is_none_or(|limit| !self.shared().is_full(limit))
    }

    /// Tells whether it is not left out and has a place.
    fn is_available(&self) -> bool {
        self.is_usable() && self.has_place()
    }

    /// Tells whether it is available, and was not left out shortly before.
    fn is_steady(&self) -> bool {
        self.is_available() && !self.shared().is_returning()
    }

    /// Counts a request that it failed.
    pub(crate) fn failed(&self, failure: Failure) {
        self.health.upstream.failed(self.health.index, failure);
    }

    /// Counts a request that was lost with a connection that had served before and rested so long.
    pub(crate) fn closed(&self, rested: Duration) {
        self.health.upstream.closed(self.health.index, rested);
    }

    /// Notes that it answered on a connection that had served before.
    pub(crate) fn reused(&self) {
        self.shared().reused();
    }

    /// Counts a request that it served.
    pub(crate) fn succeeded(&self) {
        self.health.upstream.succeeded(self.health.index);
    }

    /// Counts a request that is sent once more because it failed.
    pub(crate) fn retried(&self) {
        self.shared().totals.retries.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    /// A request goes to it; the guard is dropped when its answer has ended. `None` if it has no
    /// place for one.
    pub(crate) fn load(self: &Rc<Self>) -> Option<Load> {
        if self.limit.is_some_and(|limit| !self.shared().take_place(limit)) {
            return None;
        }
        self.under_way.set(self.under_way.get() + 1);
        Some(Load(Rc::clone(self)))
    }
}

/// One request under way at a replica.
pub(crate) struct Load(Rc<Replica>);

impl Load {
    /// The replica, to be used after the load.
    pub(crate) fn owner(&self) -> Rc<Replica> {
        Rc::clone(&self.0)
    }

    /// The replica.
    pub(crate) fn replica(&self) -> &Replica {
        &self.0
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
        if self.0.limit.is_some() {
            self.0.shared().free_place();
        }
    }
}
