//! The upstream clusters as one core sees them: endpoints, load balancing, connection pools.
//!
//! 1. Of two endpoints drawn at random by weight, the first gets the request, unless the second,
//!    with this request, would have no more in flight for its weight ("power of two choices").
//! 2. An unhealthy endpoint ([`health`]) is skipped, unless all are unhealthy; a backup is used
//!    only if no primary is available.
//! 3. A request that no upstream can have seen is tried on the next endpoint.
//! 4. If this process runs out of descriptors, no endpoint is blamed.

mod body;
mod checkout;
mod choice;
mod cluster;
pub(crate) mod connect;
mod ejection;
mod endpoint;
pub(crate) mod endpoint_health;
mod get;
pub(crate) mod health;
pub(crate) mod http1;
pub(crate) mod metrics;
pub(crate) mod pool;
mod post;
mod recent;
mod retry;
mod single_request;
mod status;

pub(crate) use body::{Http2Content, UpstreamBody};
pub(crate) use checkout::Checkout;
pub(crate) use cluster::Cluster;
pub(crate) use connect::{ConnectError, UpstreamConnector};
pub(crate) use endpoint::{InFlightGuard, UpstreamEndpoint};
pub(crate) use endpoint_health::EndpointFailure;
pub(crate) use get::GetRequest;
pub(crate) use health::UpstreamHealth;
pub(crate) use pool::{Http2Sender, PooledConnection};
pub(crate) use post::PostRequest;
pub(crate) use status::endpoint_statuses;
