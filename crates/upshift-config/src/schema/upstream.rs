//! `[[upstream]]`, its endpoints and its health checks.

use schemars::JsonSchema;

use super::matching::matching;
use super::values::{DurationValue, OneOrMore};

matching! {
    /// The destinations.
    #[schemars(rename = "Upstream")]
    pub(super) struct UpstreamTable {
        /// Origins such as `http://127.0.0.1:3000`; the less busy of two is asked. Either this or
        /// `endpoints`.
        addresses: Option<OneOrMore<String>>,
        /// The servers one by one, where they differ in more than the address.
        endpoints: Option<Vec<EndpointTable>>,
        /// The version of HTTP towards it. `2` over http is by prior knowledge.
        http: Option<UpstreamHttpWord>,
        /// PEM file of the authorities that sign its certificate; left out, the system's.
        ca: Option<String>,
        /// Requests that ask each endpoint whether it is well; left out, the gateway learns it from
        /// its requests alone.
        health: Option<HealthCheckTable>,
        /// Retries of a request that failed, if it is idempotent and has no content: 0 or 1.
        #[schemars(range(min = 0, max = 1))]
        retries: Option<u8>,
    }
}

/// A version of HTTP towards an upstream.
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
    /// It is asked only while no other endpoint is available.
    backup: Option<bool>,
    /// Requests and tunnels that it serves at once, at most. If every endpoint is at its limit, the
    /// answer is 503.
    #[schemars(range(min = 1, max = 1_000_000))]
    connections: Option<u32>,
}

/// Requests that ask each endpoint whether it is well.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "HealthCheck")]
pub(super) struct HealthCheckTable {
    /// Path and query of the GET.
    #[schemars(regex(pattern = "^/"))]
    path: String,
    /// The time between two checks of one endpoint.
    interval: Option<DurationValue>,
    /// The time limit for an answer; not longer than `interval`.
    timeout: Option<DurationValue>,
    /// Statuses of a healthy endpoint, such as `200` or `"200-399"`.
    expect: Option<OneOrMore<StatusesValue>>,
    /// Checks in a row that have to succeed before an endpoint is used again.
    #[schemars(range(min = 1, max = 100))]
    healthy: Option<u8>,
    /// Checks in a row that have to fail before an endpoint is no longer used.
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
