//! `[[upstream]]`, its endpoints and its health checks.

use schemars::JsonSchema;

use super::matching::matching;
use super::values::{DurationValue, OneOrMore};

matching! {
    /// A destination of requests.
    #[schemars(rename = "Upstream")]
    pub(super) struct UpstreamTable {
        /// Origins such as `http://127.0.0.1:3000`; each request goes to the less busy of two.
        /// Either this or `endpoints`.
        addresses: Option<OneOrMore<String>>,
        /// The servers, if they differ in more than the address.
        endpoints: Option<Vec<EndpointTable>>,
        /// The version of HTTP that it speaks. `2` over http is by prior knowledge.
        http: Option<UpstreamHttpWord>,
        /// The PEM file of the authorities for its certificate; left out: those of the system.
        ca: Option<String>,
        /// Active health checks; left out: the gateway learns an endpoint's health from its requests.
        health: Option<HealthCheckTable>,
        /// Retries of a request that failed, if it is idempotent and has no content: 0 or 1.
        #[schemars(range(min = 0, max = 1))]
        retries: Option<u8>,
    }
}

/// A version of HTTP that an upstream speaks.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) enum UpstreamHttpWord {
    /// HTTP/1.1.
    #[serde(rename = "1.1")]
    V1_1,
    /// HTTP/2.
    #[serde(rename = "2")]
    V2,
}

/// One server of an upstream.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Endpoint")]
pub(super) struct EndpointTable {
    /// Its origin, such as `http://127.0.0.1:3000`.
    address: String,
    /// Its share of the requests, relative to the weights of the others.
    #[schemars(range(min = 1, max = 1000))]
    weight: Option<u16>,
    /// It is used only while no other endpoint is available.
    backup: Option<bool>,
    /// The most requests and tunnels that it serves at a time. If every endpoint is at its limit, the
    /// response is 503.
    #[schemars(range(min = 1, max = 1_000_000))]
    connections: Option<u32>,
}

/// Active health checks of each endpoint.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "HealthCheck")]
pub(super) struct HealthCheckTable {
    /// The path and query of the GET.
    #[schemars(regex(pattern = "^/"))]
    path: String,
    /// The time between two checks of one endpoint.
    interval: Option<DurationValue>,
    /// The time in which an endpoint must answer; not longer than `interval`.
    timeout: Option<DurationValue>,
    /// The statuses of a healthy endpoint, such as `200` or `"200-399"`.
    expect: Option<OneOrMore<StatusesValue>>,
    /// The number of successful checks in a row after which an endpoint is used again.
    #[schemars(range(min = 1, max = 100))]
    healthy: Option<u8>,
    /// The number of failed checks in a row after which an endpoint is no longer used.
    #[schemars(range(min = 1, max = 100))]
    unhealthy: Option<u8>,
}

/// A status, or a range of them.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum StatusesValue {
    /// One.
    One(u16),
    /// From the first to the last, such as `200-399`.
    Range(String),
}
