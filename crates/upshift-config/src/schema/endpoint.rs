//! The servers of an upstream, and how their health is checked.

use schemars::JsonSchema;

use super::{DurationValue, OneOrMore};

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
