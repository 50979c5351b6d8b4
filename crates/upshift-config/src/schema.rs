//! The policy file, key by key: what the JSON Schema is generated from.
//!
//! The walker in the rest of this crate reads the file itself, because it reports every error with
//! its place. A test holds the two together: whatever has a place here is read there, and the other
//! way round.

mod endpoint;
mod values;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use endpoint::{EndpointTable, HealthCheckTable};
use values::{DateValue, DurationValue, False, OneOrMore, OrFalse, ShareValue, SizeValue};

/// The JSON Schema of the policy file, as text that ends in a newline.
pub fn schema() -> String {
    let mut schema = schemars::schema_for!(FileTable);
    schema.insert("title".to_owned(), Value::from("Upshift policy file"));
    schema.insert("$id".to_owned(), Value::from("upshift.schema.json"));
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text + "\n"
}

/// The place of a key, as a person would write it; empty if it has none.
pub(crate) fn places_of(key: &str) -> Vec<&'static str> {
    const WRITTEN: [(&str, &str); 12] = [
        ("Gateway", "[gateway]"),
        ("Tls", "[gateway.tls]"),
        ("Proxy", "[[gateway.proxy]]"),
        ("Limits", "[limits]"),
        ("Upstream", "[[upstream]]"),
        ("Rule", "[[rule]]"),
        ("Api", "require = { api = { … } }"),
        ("Client", "require = { client = { … } }"),
        ("Websocket", "require = { websocket = { … } }"),
        ("Rollout", "[rule.rollout]"),
        ("Exemption", "[[exemption]]"),
        ("Breaker", "[breaker]"),
    ];
    let schema = schemars::schema_for!(FileTable).to_value();
    let has = |name: &str| {
        schema
            .pointer(&format!("/$defs/{name}/properties"))
            .is_some_and(|properties| properties.get(key).is_some())
    };
    WRITTEN.iter().filter(|(name, _)| has(name)).map(|(_, written)| *written).collect()
}

/// The whole file.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "File")]
pub(super) struct FileTable {
    /// Listeners, and what is believed of the hops in front of them.
    gateway: Option<GatewayTable>,
    /// Bounds on what peers can make the gateway hold or wait for.
    limits: Option<LimitsTable>,
    /// Destinations of requests; the first that matches is taken, and `gateway.upstream` takes what
    /// is left.
    #[serde(default)]
    upstream: Vec<UpstreamTable>,
    /// Requirements for requests. Every rule that matches is decided, and the strictest verdict
    /// wins.
    #[serde(default)]
    rule: Vec<RuleTable>,
    /// Requests that are admitted in spite of a rule, until a date.
    #[serde(default)]
    exemption: Vec<ExemptionTable>,
    /// Stops a rollout that refuses more people than was thought; false: none does.
    breaker: Option<OrFalse<BreakerTable>>,
    /// Requests that no rule refuses unless its paths name them.
    never_refused: Option<NeverRefusedTable>,
}

/// Listeners, and what is believed of the hops in front of them.
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
    /// The origin for links in answers, which are never built from an unknown Host.
    public: Option<String>,
    /// The obsolete `Upgrade: h2c` switch (RFC 7540 §3.2), for old clients.
    h2c_upgrade: Option<bool>,
    /// TLS on the cleartext port after 101 (RFC 2817), for IPP.
    in_band_tls: Option<bool>,
    /// Allows `in-band-tls` beside `https` in spite of CVE-2025-49812.
    dangerous_allow_opossum: Option<bool>,
    /// The certificate; left out, a self-signed one is made.
    tls: Option<TlsTable>,
    /// Hops in front of us that are believed, and for what.
    #[serde(default)]
    proxy: Vec<ProxyTable>,
    /// `Strict-Transport-Security`, sent over TLS only.
    hsts: Option<HstsValue>,
    /// The requests that are logged as JSON lines, with their decision.
    access_log: Option<AccessLogWord>,
    /// The token that the admin API requires: a text, `env:NAME` or `file:PATH`.
    admin_token: Option<String>,
    /// The file of the embedded store; false: nothing is kept across restarts.
    store: Option<OrFalse<String>>,
    /// Treatment of a path that upstreams read in different ways.
    paths: Option<PathModeWord>,
    /// Treatment of upper and lower case in paths.
    case: Option<ComparisonWord>,
    /// Treatment of a slash at the end of a path.
    trailing_slash: Option<ComparisonWord>,
    /// Treatment of an undeclared private peer that sends `X-Forwarded-Proto`.
    undeclared_proxy: Option<UndeclaredProxyWord>,
}

/// Treatment of a path that upstreams read in different ways.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum PathModeWord {
    /// It goes upstream as it was sent, and the strictest verdict of all its readings counts.
    AsSent,
    /// It goes upstream in canonical form.
    Canonical,
    /// It is refused with 400.
    Strict,
}

/// A way to compare something.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum ComparisonWord {
    /// It counts.
    Exact,
    /// It does not count.
    Ignore,
}

/// Treatment of an undeclared private peer that sends `X-Forwarded-Proto`.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum UndeclaredProxyWord {
    /// A proxy that was forgotten: the client's transport is unknown.
    Unknown,
    /// A client: the field says nothing.
    Ignore,
}

/// PEM files, relative to the policy file; they are read again when they change.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Tls")]
pub(super) struct TlsTable {
    /// The certificate chain.
    certificate: String,
    /// The private key.
    key: String,
}

/// A hop in front of us that is believed, and for what.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Proxy")]
pub(super) struct ProxyTable {
    /// Its addresses: networks such as `10.0.0.0/8`.
    from: OneOrMore<String>,
    /// The fields that it tells facts in. Only these are believed.
    reads: Option<ProxyReadsTable>,
    /// It passes `Upgrade` on to HTTP/1.1 clients only (not so nginx before 1.31.3).
    upgrade_field: Option<bool>,
}

/// The fields in which a proxy tells what it saw.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "ProxyReads")]
pub(super) struct ProxyReadsTable {
    /// `http` or `https`, `on` or `off`: X-Forwarded-Proto, Forwarded, X-Forwarded-Ssl, CF-Visitor
    /// and the like.
    scheme: Option<String>,
    /// The client's address: X-Forwarded-For, Forwarded, X-Real-IP and the like.
    peer: Option<String>,
    /// The version of TLS: CloudFront-Viewer-TLS, X-Amzn-Tls-Version, or what nginx has in
    /// `$ssl_protocol`.
    tls: Option<String>,
    /// The version of HTTP: CloudFront-Viewer-Http-Version, Via.
    http: Option<String>,
}

/// `Strict-Transport-Security`: how long, all that can be said of it, or false.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum HstsValue {
    /// The time for which browsers remember.
    MaxAge(DurationValue),
    /// All of it.
    Table(HstsTable),
    /// None is sent.
    False(False),
}

/// `Strict-Transport-Security` (RFC 6797).
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Hsts")]
pub(super) struct HstsTable {
    /// The time for which browsers remember.
    max_age: DurationValue,
    /// For all names below this one, too.
    include_subdomains: Option<bool>,
    /// Asks for the lists that browsers are built with.
    preload: Option<bool>,
}

/// The requests that are logged as JSON lines.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum AccessLogWord {
    /// None; requests are counted.
    Off,
    /// Those that were refused.
    Refused,
    /// All.
    All,
}

/// Bounds on what peers can make the gateway hold or wait for.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Limits")]
pub(super) struct LimitsTable {
    /// Bytes of a request's header section; more is 431.
    header_bytes: Option<SizeValue>,
    /// From the first byte of a request to the end of its header section; longer is 408.
    header_timeout: Option<DurationValue>,
    /// The longest pause between two requests of a connection, or two reads of a body.
    idle: Option<DurationValue>,
    /// Open connections in all.
    #[schemars(range(min = 1, max = 10_000_000))]
    connections: Option<u64>,
    /// The time at shutdown in which requests are still accepted, while `/readyz` is 503.
    lame_duck: Option<DurationValue>,
    /// The time limit for open requests at shutdown.
    drain: Option<DurationValue>,
    /// The bytes of a refused request's body that are read and discarded before the connection
    /// closes.
    discard_bytes: Option<SizeValue>,
    /// The time limit for that.
    discard_timeout: Option<DurationValue>,
    /// The longest pause in a tunnel.
    tunnel_idle: Option<DurationValue>,
    /// Connecting to an upstream; longer is 504.
    upstream_connect: Option<DurationValue>,
    /// From the end of the request to the upstream's header section; longer is 504.
    upstream_response: Option<DurationValue>,
    /// The longest pause of an upstream in a body that it sends, or takes; left out, as
    /// `upstream-response`.
    upstream_silence: Option<DurationValue>,
    /// The time for which an idle upstream connection is kept.
    upstream_idle: Option<DurationValue>,
}

/// Declares a struct with the keys of the one matcher, ANDed; the values of each are ORed, and `!`
/// takes away.
macro_rules! matching {
    ($(#[$meta:meta])* pub(super) struct $name:ident { $($(#[$field:meta])* $key:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        pub(super) struct $name {
            /// Hosts: `api.example.com`, `*.example.com`. `!` takes away.
            hosts: Option<OneOrMore<String>>,
            /// Paths: `*` is one segment, `**` any number, `/a/**` also matches `/a`. `!` takes
            /// away.
            paths: Option<OneOrMore<String>>,
            /// Methods. GET includes HEAD and extended CONNECT. `!` takes away.
            methods: Option<OneOrMore<String>>,
            /// Fields: `Name` (is there) or `Name: value` with `*`. `!` takes away.
            headers: Option<OneOrMore<String>>,
            /// Addresses of clients: networks such as `10.0.0.0/8`. `!` takes away.
            peers: Option<OneOrMore<String>>,
            /// Clients by name, `AcmeApp`, or one build, `AcmeApp/5.1`. `!` takes away.
            clients: Option<OneOrMore<String>>,
            /// Identities, as `rollout.identity` reads them. `!` takes away.
            identities: Option<OneOrMore<String>>,
            $($(#[$field])* $key: $type,)*
        }
    };
}

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

matching! {
    /// The requirement, or a list of which any one has to be met.
    #[schemars(rename = "Rule")]
    pub(super) struct RuleTable {
        /// Its name in records, metrics and commands. It does not change: the ramp hashes it.
        #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))]
        id: String,
        /// The requirement, or a list of which any one suffices, in order of preference.
        require: OneOrMore<RequirementTable>,
        /// Treatment of requests of which too little is known; each is admitted and counted by
        /// default.
        on: Option<OnTable>,
        /// The kind of answer to a refused request.
        answer: Option<AnswerValue>,
        /// The message for people, in one sentence.
        message: Option<String>,
        /// A page that says what to do.
        docs: Option<String>,
        /// The address of the replacement.
        successor: Option<String>,
        /// The address of the newer client: one for all, or one by client and `default`.
        upgrade_url: Option<UpgradeUrlValue>,
        /// The name in `Upgrade`; left out, the rule's id for an API, the client's name for a
        /// client.
        token: Option<String>,
        /// Since when this is deprecated; left out, `rollout.warn`.
        deprecated: Option<DateValue>,
        /// The date on which it stops working; left out, `rollout.enforce`.
        sunset: Option<DateValue>,
        /// Pins a phase; it beats the rollout.
        phase: Option<PhaseWord>,
        /// The plan of phases in time; left out, the rule enforces at once.
        rollout: Option<RolloutTable>,
        /// The rule's own breaker, or false for none.
        breaker: Option<OrFalse<RuleBreakerTable>>,
    }
}

/// A page, or one by client.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum UpgradeUrlValue {
    /// For everybody.
    One(String),
    /// By the client's name; `default` is for all others.
    ByClient(BTreeMap<String, String>),
}

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
    /// A WebSocket, with its version and subprotocols; false: none here.
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

/// A WebSocket: true, its particulars, or false for none.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum WebsocketValue {
    /// `true`: any; `false`: none here, use HTTP.
    Wanted(bool),
    /// With particulars.
    Table(WebsocketTable),
}

/// A WebSocket (RFC 6455).
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Websocket")]
pub(super) struct WebsocketTable {
    /// Its version; there is only 13.
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
    /// The versions that clients are told of; above the greatest is too new.
    supported: Option<OneOrMore<String>>,
    /// The version of a request that sends none.
    assume: Option<String>,
    /// The notation and order of versions; left out, `semver`.
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
    /// A known way.
    Named(SchemeWord),
    /// By a list.
    Ordered(OrderedTable),
}

/// A known way to write and compare versions.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum SchemeWord {
    /// Semantic Versioning; missing parts are 0.
    Semver,
    /// N(.N)*.
    Numeric,
    /// YYYY-MM-DD or YYYY-MM; a name behind it is ignored.
    Date,
}

/// Versions without an order of their own.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Ordered")]
pub(super) struct OrderedTable {
    /// All of them, the oldest first.
    ordered: Vec<String>,
}

/// A version of the client.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Client")]
pub(super) struct ClientTable {
    /// The places of name and version: `header:NAME` (`Name/Version`), `header:NAME=Client` (a bare
    /// version), `user-agent`; left out, `user-agent`.
    read: Option<OneOrMore<String>>,
    /// The oldest version that is admitted, by client.
    minimum: Option<BTreeMap<String, String>>,
    /// Versions, or builds of one, that are not admitted: `Name/Version`, `Name/Version+Build`.
    blocked: Option<OneOrMore<String>>,
}

/// Treatment of requests of which too little is known.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "On")]
pub(super) struct OnTable {
    /// No version was sent.
    missing: Option<ActionWord>,
    /// The value that was sent is no version.
    malformed: Option<ActionWord>,
    /// Two readers gave different versions.
    ambiguous: Option<ActionWord>,
    /// Newer than the greatest supported version.
    too_new: Option<ActionWord>,
    /// A client that the rule does not name.
    unknown_client: Option<ActionWord>,
    /// A transport fact that no proxy told.
    unknown: Option<ActionWord>,
}

/// A treatment.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum ActionWord {
    /// Let through, and counted.
    Admit,
    /// Refused.
    Refuse,
}

/// The kind of answer to a refused request.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum AnswerValue {
    /// A way.
    Named(AnswerWord),
    /// A status.
    Status(#[schemars(range(min = 400, max = 599))] u16),
}

/// A way to answer.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum AnswerWord {
    /// 426 with `Upgrade`.
    Upgrade,
    /// 426 for protocols only; 400, 403 or 410 for versions.
    Strict,
    /// 308 to https for a browser's navigation, 426 for the rest.
    Redirect,
}

/// A phase.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum PhaseWord {
    /// Nothing happens.
    Off,
    /// Requests are decided and counted; nobody is told.
    Observe,
    /// Requests that would be refused are admitted, with a warning.
    Warn,
    /// As `enforce`, and called a brownout.
    Brownout,
    /// Requests that do not meet the requirement are refused.
    Enforce,
    /// Warns and refuses nobody, whatever the rollout says.
    Paused,
}

/// The plan of phases in time.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Rollout")]
pub(super) struct RolloutTable {
    /// The identity of a client for the ramp: `header:NAME`, `cookie:NAME`, `jwt-unverified:CLAIM`,
    /// `peer`.
    identity: Option<OneOrMore<String>>,
    /// From when requests are decided and counted.
    observe: Option<DateValue>,
    /// From when people are told.
    warn: Option<DateValue>,
    /// Windows in which the rule enforces, so that people notice.
    #[serde(default)]
    brownout: Vec<BrownoutTable>,
    /// From when a growing share is refused: a date (linear until `enforce`), or steps.
    ramp: Option<RampValue>,
    /// From when all are refused.
    enforce: Option<DateValue>,
    /// The time zone in which dates begin; left out, UTC.
    zone: Option<String>,
}

/// A window of a brownout.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Window")]
pub(super) struct BrownoutTable {
    /// The beginning.
    at: DateValue,
    /// The duration.
    r#for: DurationValue,
}

/// From when a growing share is refused.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum RampValue {
    /// Linear from here until `enforce`.
    From(DateValue),
    /// In steps.
    Steps(Vec<RampStepTable>),
}

/// A step of a ramp.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Step")]
pub(super) struct RampStepTable {
    /// From when.
    at: DateValue,
    /// The share that is refused.
    share: ShareValue,
}

matching! {
    /// Requests that are admitted in spite of a rule, until a date.
    #[schemars(rename = "Exemption")]
    pub(super) struct ExemptionTable {
        /// Its name in records; left out, `exemption-1` and so on.
        id: Option<String>,
        /// The rules it is from; left out, all.
        rules: Option<OneOrMore<String>>,
        /// Why.
        reason: String,
        /// The person or team that is responsible for it.
        owner: String,
        /// Until when. There is no exemption for ever.
        expires: DateValue,
    }
}

/// Stops a rollout that refuses more people than was thought: the rule falls back to `warn` until a
/// person resets it.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Breaker")]
pub(super) struct BreakerTable {
    /// The share of the distinct identities seen in the window that may be refused.
    refused_share: Option<ShareValue>,
    /// The period that it looks back on.
    window: Option<DurationValue>,
    /// Identities that must have been seen before it may trip.
    #[schemars(range(min = 1))]
    minimum: Option<u64>,
    /// The identities that count: all that were seen, or those that an upstream has answered with
    /// 2xx before.
    counts: Option<CountsWord>,
    /// As many identities of one network (/24 of IPv4, /48 of IPv6) count in a window.
    #[schemars(range(min = 1, max = 10_000))]
    per_network: Option<u64>,
    /// The address that is told of a tripped breaker by POST.
    webhook: Option<String>,
}

/// A rule's own breaker; what is left out stands in `[breaker]`.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "RuleBreaker")]
pub(super) struct RuleBreakerTable {
    /// The share of the distinct identities seen in the window that may be refused.
    refused_share: Option<ShareValue>,
    /// The period that it looks back on.
    window: Option<DurationValue>,
    /// Identities that must have been seen before it may trip.
    #[schemars(range(min = 1))]
    minimum: Option<u64>,
    /// The identities that count: all that were seen, or those that an upstream has answered with
    /// 2xx before.
    counts: Option<CountsWord>,
    /// As many identities of one network (/24 of IPv4, /48 of IPv6) count in a window.
    #[schemars(range(min = 1, max = 10_000))]
    per_network: Option<u64>,
}

/// The identities that a breaker counts.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum CountsWord {
    /// All that were seen.
    Seen,
    /// Those that an upstream has answered with 2xx before.
    Accepted,
}

/// Requests that no rule refuses unless its paths name them.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "NeverRefused")]
pub(super) struct NeverRefusedTable {
    /// Built-in exemptions that do not hold here, by their ids.
    remove: Option<OneOrMore<String>>,
    /// The networks of health checkers; left out, private, loopback and link-local addresses.
    health_networks: Option<OneOrMore<String>>,
}
