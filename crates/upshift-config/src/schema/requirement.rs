//! `require`: the kinds of requirement.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::values::OneOrMore;

/// One requirement: exactly one of these keys.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
#[schemars(rename = "Requirement")]
pub(super) struct RequirementTable {
    /// At least this version of TLS.
    tls: Option<TlsVersionWord>,
    /// At least this version of HTTP.
    http: Option<HttpVersionWord>,
    /// A WebSocket, with its version and subprotocols; false: no WebSocket.
    websocket: Option<WebsocketValue>,
    /// A version of the API.
    api: Option<ApiTable>,
    /// A version of the client.
    client: Option<ClientTable>,
    /// Another protocol that the upstream itself switches to, such as `derp/2`.
    protocol: Option<String>,
}

/// A version of TLS.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) enum TlsVersionWord {
    #[serde(rename = "1.0")]
    V1_0,
    #[serde(rename = "1.1")]
    V1_1,
    #[serde(rename = "1.2")]
    V1_2,
    #[serde(rename = "1.3")]
    V1_3,
}

/// A version of HTTP.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) enum HttpVersionWord {
    #[serde(rename = "1.0")]
    V1_0,
    #[serde(rename = "1.1")]
    V1_1,
    #[serde(rename = "2")]
    V2,
    #[serde(rename = "3")]
    V3,
}

/// A WebSocket: true, a table, or false for none.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum WebsocketValue {
    /// `true`: any; `false`: none, use HTTP.
    Wanted(bool),
    /// One with this version or these subprotocols.
    Table(WebsocketTable),
}

/// A WebSocket (RFC 6455).
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Websocket")]
pub(super) struct WebsocketTable {
    /// Its version; only 13 exists.
    #[schemars(range(min = 13, max = 13))]
    version: Option<u64>,
    /// Subprotocols of which one must be offered.
    subprotocols: Option<OneOrMore<String>>,
}

/// A version of the API.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Api")]
pub(super) struct ApiTable {
    /// The oldest version that is admitted.
    minimum: String,
    /// The versions that are offered to clients; a version above the greatest is too new.
    supported: Option<OneOrMore<String>>,
    /// The version of a request that names none.
    assume: Option<String>,
    /// The notation and order of versions; left out: `semver`.
    scheme: Option<SchemeValue>,
    /// The places of the version: `header:NAME`, `path:/v{version}/**`, `query:NAME`,
    /// `media-type:PARAMETER`.
    read: OneOrMore<String>,
}

/// The notation and order of versions.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum SchemeValue {
    /// A known scheme.
    Named(SchemeWord),
    /// A list of versions.
    Ordered(OrderedTable),
}

/// A known scheme.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum SchemeWord {
    /// Semantic Versioning; missing parts are 0.
    Semver,
    /// N(.N)*.
    Numeric,
    /// YYYY-MM-DD or YYYY-MM; a name after it is ignored.
    Date,
}

/// Versions without an order of their own.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Ordered")]
pub(super) struct OrderedTable {
    /// All versions, the oldest first.
    ordered: Vec<String>,
}

/// A version of the client.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Client")]
pub(super) struct ClientTable {
    /// The places of name and version: `header:NAME` (`Name/Version`), `header:NAME=Client` (a bare
    /// version), `user-agent`; left out: `user-agent`.
    read: Option<OneOrMore<String>>,
    /// The oldest version of each client that is admitted.
    minimum: Option<BTreeMap<String, String>>,
    /// Versions, or builds of one, that are not admitted: `Name/Version`, `Name/Version+Build`.
    blocked: Option<OneOrMore<String>>,
}
