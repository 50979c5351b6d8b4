//! `[gateway]`, `[limits]` and `[adoption]`.

use schemars::JsonSchema;

use super::values::{DurationValue, False, OneOrMore, OrFalse, SizeValue};

/// Listeners, trusted proxies and settings of the whole gateway.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Gateway")]
pub(super) struct GatewayTable {
    /// Cleartext: HTTP/1.0, HTTP/1.1, and h2c by prior knowledge.
    http: Option<OrFalse<String>>,
    /// TLS: h2 and http/1.1 by ALPN.
    https: Option<OrFalse<String>>,
    /// HTTP/3 on the UDP port of `https`.
    http3: Option<bool>,
    /// Metrics, admin API, /healthz and /readyz.
    admin: Option<OrFalse<String>>,
    /// Destinations of requests: origins such as `http://127.0.0.1:3000`.
    upstream: Option<OneOrMore<String>>,
    /// The origin of links in responses, which are never built from an unknown Host.
    public: Option<String>,
    /// The obsolete `Upgrade: h2c` switch (RFC 7540 §3.2), for old clients.
    h2c_upgrade: Option<bool>,
    /// TLS on the cleartext port after 101 (RFC 2817), for IPP.
    in_band_tls: Option<bool>,
    /// Allows `in-band-tls` together with `https` in spite of CVE-2025-49812.
    dangerous_allow_opossum: Option<bool>,
    /// The certificate; left out: the gateway makes a self-signed one.
    tls: Option<TlsTable>,
    /// Trusted proxies in front of the gateway.
    #[serde(default)]
    proxy: Vec<ProxyTable>,
    /// `Strict-Transport-Security`, sent over TLS only.
    hsts: Option<HstsValue>,
    /// The record of exchanges, with their decision.
    access_log: Option<AccessLogValue>,
    /// The token that the admin API requires: a text, `env:NAME` or `file:PATH`.
    admin_token: Option<String>,
    /// The file of the embedded store; false: nothing is kept across restarts.
    store: Option<OrFalse<String>>,
    /// The reason for this version of the file, kept with its policy revision.
    reason: Option<String>,
    /// Treatment of a path that upstreams may read in different ways.
    paths: Option<PathModeWord>,
    /// Treatment of upper and lower case in paths.
    case: Option<ComparisonWord>,
    /// Treatment of a slash at the end of a path.
    trailing_slash: Option<ComparisonWord>,
    /// Treatment of an undeclared private peer that sends `X-Forwarded-Proto`.
    undeclared_proxy: Option<UndeclaredProxyWord>,
}

/// Treatment of a path that upstreams may read in different ways.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum PathModeWord {
    /// It is forwarded as it was sent, and the strictest verdict of all its readings counts.
    AsSent,
    /// It is forwarded in canonical form.
    Canonical,
    /// It is refused with 400.
    Strict,
}

/// A comparison.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum ComparisonWord {
    /// The difference counts.
    Exact,
    /// The difference does not count.
    Ignore,
}

/// Treatment of an undeclared private peer that sends `X-Forwarded-Proto`.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum UndeclaredProxyWord {
    /// It counts as a proxy, and its clients' transport is unknown.
    Unknown,
    /// It counts as a client, and the field is ignored.
    Ignore,
}

/// PEM files, relative to the policy file; they are reloaded when they change.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Tls")]
pub(super) struct TlsTable {
    /// The certificate chain.
    certificate: String,
    /// The private key.
    key: String,
}

/// A trusted proxy in front of the gateway.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Proxy")]
pub(super) struct ProxyTable {
    /// Its addresses: networks such as `10.0.0.0/8`.
    from: OneOrMore<String>,
    /// The fields in which it reports facts. Only these are trusted.
    reads: Option<ProxyReadsTable>,
    /// It forwards `Upgrade` to HTTP/1.1 clients only (nginx before 1.31.3 does not).
    upgrade_field: Option<bool>,
}

/// The fields in which a proxy reports facts.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "ProxyReads")]
pub(super) struct ProxyReadsTable {
    /// `http` or `https`, `on` or `off`: X-Forwarded-Proto, Forwarded, X-Forwarded-Ssl, CF-Visitor
    /// and the like.
    scheme: Option<String>,
    /// The client's address: X-Forwarded-For, Forwarded, X-Real-IP and the like.
    peer: Option<String>,
    /// The version of TLS: CloudFront-Viewer-TLS, X-Amzn-Tls-Version, or the value of nginx's
    /// `$ssl_protocol`.
    tls: Option<String>,
    /// The version of HTTP: CloudFront-Viewer-Http-Version, Via.
    http: Option<String>,
}

/// `Strict-Transport-Security`: a duration, a table, or false.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum HstsValue {
    /// The time for which browsers remember it.
    MaxAge(DurationValue),
    /// All parts of the field.
    Table(HstsTable),
    /// The field is not sent.
    False(False),
}

/// `Strict-Transport-Security` (RFC 6797).
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Hsts")]
pub(super) struct HstsTable {
    /// The time for which browsers remember it.
    max_age: DurationValue,
    /// It holds for all names below this one, too.
    include_subdomains: Option<bool>,
    /// Asks for inclusion in the lists that browsers are built with.
    preload: Option<bool>,
}

/// The record of exchanges: the requests alone, or a table.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum AccessLogValue {
    /// The requests; as JSON lines on stdout.
    Requests(RecordedRequestsWord),
    /// Requests, format and destination.
    Table(AccessLogTable),
}

/// The record of exchanges.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "AccessLog")]
pub(super) struct AccessLogTable {
    /// The exchanges that are recorded; left out: all.
    requests: Option<RecordedRequestsWord>,
    /// `json`, `combined`, or a line with `$names` as in nginx's `log_format`.
    format: Option<String>,
    /// `stdout`, `syslog`, `syslog:SOCKET`, or a file, which is opened again on SIGUSR1.
    to: Option<String>,
}

/// The exchanges that are recorded.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum RecordedRequestsWord {
    /// None; requests are counted.
    Off,
    /// Requests that the policy refused.
    Refused,
    /// All, malformed ones included.
    All,
}

/// Bounds on the memory and the time that peers can make the gateway spend.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Limits")]
pub(super) struct LimitsTable {
    /// The size of a request's header section, over HTTP/1 at most 65,535 bytes; larger: 431.
    header_bytes: Option<SizeValue>,
    /// The time from the first byte of a request to the end of its header section; longer: 408.
    header_timeout: Option<DurationValue>,
    /// The longest pause between two requests of a connection, or two reads of a body.
    idle: Option<DurationValue>,
    /// Open client connections.
    #[schemars(range(min = 1, max = 10_000_000))]
    connections: Option<u64>,
    /// The time at shutdown in which requests are still accepted while `/readyz` is 503.
    lame_duck: Option<DurationValue>,
    /// The time that open requests have at shutdown.
    drain: Option<DurationValue>,
    /// The bytes of a refused request's body that are read and discarded before the connection
    /// closes.
    discard_bytes: Option<SizeValue>,
    /// The time in which they are read.
    discard_timeout: Option<DurationValue>,
    /// The longest pause in a tunnel.
    tunnel_idle: Option<DurationValue>,
    /// The time to connect to an upstream; longer: 504.
    upstream_connect: Option<DurationValue>,
    /// The time from the end of the request to the upstream's header section; longer: 504.
    upstream_response: Option<DurationValue>,
    /// The longest pause of an upstream in a body that it sends or takes; left out: as
    /// `upstream-response`.
    upstream_silence: Option<DurationValue>,
    /// The time for which an idle upstream connection is kept.
    upstream_idle: Option<DurationValue>,
}

/// Recording of adoption, and its retention.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Adoption")]
pub(super) struct AdoptionTable {
    /// Usage is counted and kept in the store.
    record: Option<bool>,
    /// The time for which the numbers of each minute are kept; 2 hours at least.
    minutes: Option<DurationValue>,
    /// The time for which the numbers of each hour are kept; 2 days at least.
    hours: Option<DurationValue>,
    /// The time for which the numbers of each day, and refused callers, are kept; 1 day at least.
    days: Option<DurationValue>,
}
