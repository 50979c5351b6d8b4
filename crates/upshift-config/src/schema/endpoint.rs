//! The servers of an upstream, and how their health is checked.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Duration, OneOrMore};

/// One server of an upstream.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Endpoint {
    /// Its origin, such as `http://127.0.0.1:3000`.
    pub address: String,
    /// Its share of the requests, relative to the weights of the others.
    #[schemars(range(min = 1, max = 1000))]
    pub weight: Option<u16>,
    /// It is asked only while no other endpoint is available.
    pub backup: Option<bool>,
    /// Requests and tunnels that it serves at once, at most. If every endpoint is at its limit, the
    /// answer is 503.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections: Option<u32>,
}

/// Requests that ask each endpoint whether it is well.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HealthCheck {
    /// Path and query of the GET.
    #[schemars(regex(pattern = "^/"))]
    pub path: String,
    /// The time between two checks of one endpoint.
    pub interval: Option<Duration>,
    /// The time limit for an answer; not longer than `interval`.
    pub timeout: Option<Duration>,
    /// Statuses of a healthy endpoint, such as `200` or `"200-399"`.
    pub expect: Option<OneOrMore<Statuses>>,
    /// Checks in a row that have to succeed before an endpoint is used again.
    #[schemars(range(min = 1, max = 100))]
    pub healthy: Option<u8>,
    /// Checks in a row that have to fail before an endpoint is no longer used.
    #[schemars(range(min = 1, max = 100))]
    pub unhealthy: Option<u8>,
}

/// A status, or a range of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Statuses {
    /// One.
    One(u16),
    /// From the first to the last, such as `200-399`.
    Range(String),
}
