//! The policy file, key by key: what the JSON Schema is generated from.
//!
//! The walker in the rest of this crate reads the file itself, because it reports every error with
//! its place. A test holds the two together: whatever has a place here is read there, and the other
//! way round.

mod endpoint;
mod values;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

pub use endpoint::{Endpoint, HealthCheck, Statuses};
pub use values::{Duration, False, Moment, OneOrMore, OrFalse, Share, Size};

/// The JSON Schema of the policy file, as text that ends in a newline.
pub fn schema() -> String {
    let mut schema = schemars::schema_for!(File);
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
    let schema = schemars::schema_for!(File).to_value();
    let has = |name: &str| {
        schema
            .pointer(&format!("/$defs/{name}/properties"))
            .is_some_and(|properties| properties.get(key).is_some())
    };
    WRITTEN.iter().filter(|(name, _)| has(name)).map(|(_, written)| *written).collect()
}

/// The whole file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct File {
    /// Listeners, and what is believed of the hops in front of them.
    pub gateway: Option<Gateway>,
    /// Bounds on what peers can make the gateway hold or wait for.
    pub limits: Option<Limits>,
    /// Destinations of requests; the first that matches is taken, and `gateway.upstream` takes what
    /// is left.
    #[serde(default)]
    pub upstream: Vec<Upstream>,
    /// Requirements for requests. Every rule that matches is decided, and the strictest verdict
    /// wins.
    #[serde(default)]
    pub rule: Vec<Rule>,
    /// Requests that are admitted in spite of a rule, until a date.
    #[serde(default)]
    pub exemption: Vec<Exemption>,
    /// Stops a rollout that refuses more people than was thought; false: none does.
    pub breaker: Option<OrFalse<Breaker>>,
    /// Requests that no rule refuses unless its paths name them.
    pub never_refused: Option<NeverRefused>,
}

/// Listeners, and what is believed of the hops in front of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Gateway {
    /// Cleartext: HTTP/1.0, HTTP/1.1, and h2c by prior knowledge.
    pub http: Option<OrFalse<String>>,
    /// TLS: h2 and http/1.1 by ALPN.
    pub https: Option<OrFalse<String>>,
    /// HTTP/3 on the UDP port of `https`.
    pub http3: Option<bool>,
    /// Metrics, admin API, /healthz and /readyz.
    pub admin: Option<OrFalse<String>>,
    /// Destinations of requests: origins such as `http://127.0.0.1:3000`.
    pub upstream: Option<OneOrMore<String>>,
    /// The origin for links in answers, which are never built from an unknown Host.
    pub public: Option<String>,
    /// The obsolete `Upgrade: h2c` switch (RFC 7540 §3.2), for old clients.
    pub h2c_upgrade: Option<bool>,
    /// TLS on the cleartext port after 101 (RFC 2817), for IPP.
    pub in_band_tls: Option<bool>,
    /// Allows `in-band-tls` beside `https` in spite of CVE-2025-49812.
    pub dangerous_allow_opossum: Option<bool>,
    /// The certificate; left out, a self-signed one is made.
    pub tls: Option<Tls>,
    /// Hops in front of us that are believed, and for what.
    #[serde(default)]
    pub proxy: Vec<Proxy>,
    /// `Strict-Transport-Security`, sent over TLS only.
    pub hsts: Option<HstsSetting>,
    /// The requests that are logged as JSON lines, with their decision.
    pub access_log: Option<AccessLog>,
    /// The token that the admin API requires: a text, `env:NAME` or `file:PATH`.
    pub admin_token: Option<String>,
    /// The file of the embedded store; false: nothing is kept across restarts.
    pub store: Option<OrFalse<String>>,
    /// Treatment of a path that upstreams read in different ways.
    pub paths: Option<PathMode>,
    /// Treatment of upper and lower case in paths.
    pub case: Option<Comparison>,
    /// Treatment of a slash at the end of a path.
    pub trailing_slash: Option<Comparison>,
    /// Treatment of an undeclared private peer that sends `X-Forwarded-Proto`.
    pub undeclared_proxy: Option<UndeclaredProxy>,
}

/// Treatment of a path that upstreams read in different ways.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum PathMode {
    /// It goes upstream as it was sent, and the strictest verdict of all its readings counts.
    AsSent,
    /// It goes upstream in canonical form.
    Canonical,
    /// It is refused with 400.
    Strict,
}

/// A way to compare something.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Comparison {
    /// It counts.
    Exact,
    /// It does not count.
    Ignore,
}

/// Treatment of an undeclared private peer that sends `X-Forwarded-Proto`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum UndeclaredProxy {
    /// A proxy that was forgotten: the client's transport is unknown.
    Unknown,
    /// A client: the field says nothing.
    Ignore,
}

/// PEM files, relative to the policy file; they are read again when they change.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tls {
    /// The certificate chain.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

/// A hop in front of us that is believed, and for what.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Proxy {
    /// Its addresses: networks such as `10.0.0.0/8`.
    pub from: OneOrMore<String>,
    /// The fields that it tells facts in. Only these are believed.
    pub reads: Option<ProxyReads>,
    /// It passes `Upgrade` on to HTTP/1.1 clients only (not so nginx before 1.31.3).
    pub upgrade_field: Option<bool>,
}

/// The fields in which a proxy tells what it saw.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProxyReads {
    /// `http` or `https`, `on` or `off`: X-Forwarded-Proto, Forwarded, X-Forwarded-Ssl, CF-Visitor
    /// and the like.
    pub scheme: Option<String>,
    /// The client's address: X-Forwarded-For, Forwarded, X-Real-IP and the like.
    pub peer: Option<String>,
    /// The version of TLS: CloudFront-Viewer-TLS, X-Amzn-Tls-Version, or what nginx has in
    /// `$ssl_protocol`.
    pub tls: Option<String>,
    /// The version of HTTP: CloudFront-Viewer-Http-Version, Via.
    pub http: Option<String>,
}

/// `Strict-Transport-Security`: how long, all that can be said of it, or false.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum HstsSetting {
    /// The time for which browsers remember.
    MaxAge(Duration),
    /// All of it.
    Table(Hsts),
    /// None is sent.
    False(False),
}

/// `Strict-Transport-Security` (RFC 6797).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hsts {
    /// The time for which browsers remember.
    pub max_age: Duration,
    /// For all names below this one, too.
    pub include_subdomains: Option<bool>,
    /// Asks for the lists that browsers are built with.
    pub preload: Option<bool>,
}

/// The requests that are logged as JSON lines.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum AccessLog {
    /// None; requests are counted.
    Off,
    /// Those that were refused.
    Refused,
    /// All.
    All,
}

/// Bounds on what peers can make the gateway hold or wait for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Bytes of a request's header section; more is 431.
    pub header_bytes: Option<Size>,
    /// From the first byte of a request to the end of its header section; longer is 408.
    pub header_timeout: Option<Duration>,
    /// The longest pause between two requests of a connection, or two reads of a body.
    pub idle: Option<Duration>,
    /// Open connections in all.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub connections: Option<u64>,
    /// The time at shutdown in which requests are still accepted, while `/readyz` is 503.
    pub lame_duck: Option<Duration>,
    /// The time limit for open requests at shutdown.
    pub drain: Option<Duration>,
    /// The bytes of a refused request's body that are read and discarded before the connection
    /// closes.
    pub discard_bytes: Option<Size>,
    /// The time limit for that.
    pub discard_timeout: Option<Duration>,
    /// The longest pause in a tunnel.
    pub tunnel_idle: Option<Duration>,
    /// Connecting to an upstream; longer is 504.
    pub upstream_connect: Option<Duration>,
    /// From the end of the request to the upstream's header section; longer is 504.
    pub upstream_response: Option<Duration>,
    /// The longest pause of an upstream in a body that it sends, or takes; left out, as
    /// `upstream-response`.
    pub upstream_silence: Option<Duration>,
    /// The time for which an idle upstream connection is kept.
    pub upstream_idle: Option<Duration>,
}

/// Declares a struct with the keys of the one matcher, ANDed; the values of each are ORed, and `!`
/// takes away.
macro_rules! matching {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field:meta])* pub $key:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        pub struct $name {
            /// Hosts: `api.example.com`, `*.example.com`. `!` takes away.
            pub hosts: Option<OneOrMore<String>>,
            /// Paths: `*` is one segment, `**` any number, `/a/**` also matches `/a`. `!` takes
            /// away.
            pub paths: Option<OneOrMore<String>>,
            /// Methods. GET includes HEAD and extended CONNECT. `!` takes away.
            pub methods: Option<OneOrMore<String>>,
            /// Fields: `Name` (is there) or `Name: value` with `*`. `!` takes away.
            pub headers: Option<OneOrMore<String>>,
            /// Addresses of clients: networks such as `10.0.0.0/8`. `!` takes away.
            pub peers: Option<OneOrMore<String>>,
            /// Clients by name, `AcmeApp`, or one build, `AcmeApp/5.1`. `!` takes away.
            pub clients: Option<OneOrMore<String>>,
            /// Identities, as `rollout.identity` reads them. `!` takes away.
            pub identities: Option<OneOrMore<String>>,
            $($(#[$field])* pub $key: $type,)*
        }
    };
}

matching! {
    /// The destinations.
    pub struct Upstream {
        /// Origins such as `http://127.0.0.1:3000`; the less busy of two is asked. Either this or
        /// `endpoints`.
        pub addresses: Option<OneOrMore<String>>,
        /// The servers one by one, where they differ in more than the address.
        pub endpoints: Option<Vec<Endpoint>>,
        /// The version of HTTP towards it. `2` over http is by prior knowledge.
        pub http: Option<UpstreamHttp>,
        /// PEM file of the authorities that sign its certificate; left out, the system's.
        pub ca: Option<String>,
        /// Requests that ask each endpoint whether it is well; left out, the gateway learns it from
        /// its requests alone.
        pub health: Option<HealthCheck>,
        /// Retries of a request that failed, if it is idempotent and has no content: 0 or 1.
        #[schemars(range(min = 0, max = 1))]
        pub retries: Option<u8>,
    }
}

/// A version of HTTP towards an upstream.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum UpstreamHttp {
    /// HTTP/1.1.
    #[serde(rename = "1.1")]
    V1_1,
    /// HTTP/2.
    #[serde(rename = "2")]
    V2,
}

matching! {
    /// The requirement, or a list of which any one has to be met.
    pub struct Rule {
        /// Its name in records, metrics and commands. It does not change: the ramp hashes it.
        #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))]
        pub id: String,
        /// The requirement, or a list of which any one suffices, in order of preference.
        pub require: OneOrMore<Requirement>,
        /// Treatment of requests of which too little is known; each is admitted and counted by
        /// default.
        pub on: Option<On>,
        /// The kind of answer to a refused request.
        pub answer: Option<Answer>,
        /// The message for people, in one sentence.
        pub message: Option<String>,
        /// A page that says what to do.
        pub docs: Option<String>,
        /// The address of the replacement.
        pub successor: Option<String>,
        /// The address of the newer client: one for all, or one by client and `default`.
        pub upgrade_url: Option<UpgradeUrl>,
        /// The name in `Upgrade`; left out, the rule's id for an API, the client's name for a
        /// client.
        pub token: Option<String>,
        /// Since when this is deprecated; left out, `rollout.warn`.
        pub deprecated: Option<Moment>,
        /// The date on which it stops working; left out, `rollout.enforce`.
        pub sunset: Option<Moment>,
        /// Pins a phase; it beats the rollout.
        pub phase: Option<Phase>,
        /// The plan of phases in time; left out, the rule enforces at once.
        pub rollout: Option<Rollout>,
        /// The rule's own breaker, or false for none.
        pub breaker: Option<OrFalse<RuleBreaker>>,
    }
}

/// A page, or one by client.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum UpgradeUrl {
    /// For everybody.
    One(String),
    /// By the client's name; `default` is for all others.
    ByClient(BTreeMap<String, String>),
}

/// One requirement: exactly one of these keys.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct Requirement {
    /// At least this version of TLS.
    pub tls: Option<TlsVersion>,
    /// At least this version of HTTP.
    pub http: Option<HttpVersion>,
    /// A WebSocket, with its version and subprotocols; false: none here.
    pub websocket: Option<WebsocketSetting>,
    /// A version of the API.
    pub api: Option<Api>,
    /// A version of the client.
    pub client: Option<Client>,
    /// Another protocol that the upstream itself switches to, such as `derp/2`.
    pub protocol: Option<String>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
#[expect(missing_docs, reason = "their names in the file say all")]
pub enum TlsVersion {
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
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
#[expect(missing_docs, reason = "their names in the file say all")]
pub enum HttpVersion {
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
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum WebsocketSetting {
    /// `true`: any; `false`: none here, use HTTP.
    Wanted(bool),
    /// With particulars.
    Table(Websocket),
}

/// A WebSocket (RFC 6455).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Websocket {
    /// Its version; there is only 13.
    #[schemars(range(min = 13, max = 13))]
    pub version: Option<u64>,
    /// Subprotocols of which one must be offered.
    pub subprotocols: Option<OneOrMore<String>>,
}

/// A version of the API.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Api {
    /// The oldest version that is admitted.
    pub minimum: String,
    /// The versions that clients are told of; above the greatest is too new.
    pub supported: Option<OneOrMore<String>>,
    /// The version of a request that sends none.
    pub assume: Option<String>,
    /// The notation and order of versions; left out, `semver`.
    pub scheme: Option<Scheme>,
    /// The places of the version: `header:NAME`, `path:/v{version}/**`, `query:NAME`,
    /// `media-type:PARAMETER`.
    pub read: OneOrMore<String>,
}

/// The notation and order of versions.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Scheme {
    /// A known way.
    Named(NamedScheme),
    /// By a list.
    Ordered(Ordered),
}

/// A known way to write and compare versions.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum NamedScheme {
    /// Semantic Versioning; missing parts are 0.
    Semver,
    /// N(.N)*.
    Numeric,
    /// YYYY-MM-DD or YYYY-MM; a name behind it is ignored.
    Date,
}

/// Versions without an order of their own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ordered {
    /// All of them, the oldest first.
    pub ordered: Vec<String>,
}

/// A version of the client.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Client {
    /// The places of name and version: `header:NAME` (`Name/Version`), `header:NAME=Client` (a bare
    /// version), `user-agent`; left out, `user-agent`.
    pub read: Option<OneOrMore<String>>,
    /// The oldest version that is admitted, by client.
    pub minimum: Option<BTreeMap<String, String>>,
    /// Versions, or builds of one, that are not admitted: `Name/Version`, `Name/Version+Build`.
    pub blocked: Option<OneOrMore<String>>,
}

/// Treatment of requests of which too little is known.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct On {
    /// No version was sent.
    pub missing: Option<Action>,
    /// The value that was sent is no version.
    pub malformed: Option<Action>,
    /// Two readers gave different versions.
    pub ambiguous: Option<Action>,
    /// Newer than the greatest supported version.
    pub too_new: Option<Action>,
    /// A client that the rule does not name.
    pub unknown_client: Option<Action>,
    /// A transport fact that no proxy told.
    pub unknown: Option<Action>,
}

/// A treatment.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Action {
    /// Let through, and counted.
    Admit,
    /// Refused.
    Refuse,
}

/// The kind of answer to a refused request.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Answer {
    /// A way.
    Named(NamedAnswer),
    /// A status.
    Status(#[schemars(range(min = 400, max = 599))] u16),
}

/// A way to answer.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum NamedAnswer {
    /// 426 with `Upgrade`.
    Upgrade,
    /// 426 for protocols only; 400, 403 or 410 for versions.
    Strict,
    /// 308 to https for a browser's navigation, 426 for the rest.
    Redirect,
}

/// A phase.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Phase {
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
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rollout {
    /// The identity of a client for the ramp: `header:NAME`, `cookie:NAME`, `jwt-unverified:CLAIM`,
    /// `peer`.
    pub identity: Option<OneOrMore<String>>,
    /// From when requests are decided and counted.
    pub observe: Option<Moment>,
    /// From when people are told.
    pub warn: Option<Moment>,
    /// Windows in which the rule enforces, so that people notice.
    #[serde(default)]
    pub brownout: Vec<Window>,
    /// From when a growing share is refused: a date (linear until `enforce`), or steps.
    pub ramp: Option<Ramp>,
    /// From when all are refused.
    pub enforce: Option<Moment>,
    /// The time zone in which dates begin; left out, UTC.
    pub zone: Option<String>,
}

/// A window of a brownout.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Window {
    /// The beginning.
    pub at: Moment,
    /// The duration.
    pub r#for: Duration,
}

/// From when a growing share is refused.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Ramp {
    /// Linear from here until `enforce`.
    From(Moment),
    /// In steps.
    Steps(Vec<Step>),
}

/// A step of a ramp.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// From when.
    pub at: Moment,
    /// The share that is refused.
    pub share: Share,
}

matching! {
    /// Requests that are admitted in spite of a rule, until a date.
    pub struct Exemption {
        /// Its name in records; left out, `exemption-1` and so on.
        pub id: Option<String>,
        /// The rules it is from; left out, all.
        pub rules: Option<OneOrMore<String>>,
        /// Why.
        pub reason: String,
        /// The person or team that is responsible for it.
        pub owner: String,
        /// Until when. There is no exemption for ever.
        pub expires: Moment,
    }
}

/// Stops a rollout that refuses more people than was thought: the rule falls back to `warn` until a
/// person resets it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Breaker {
    /// The share of the distinct identities seen in the window that may be refused.
    pub refused_share: Option<Share>,
    /// The period that it looks back on.
    pub window: Option<Duration>,
    /// Identities that must have been seen before it may trip.
    #[schemars(range(min = 1))]
    pub minimum: Option<u64>,
    /// The identities that count: all that were seen, or those that an upstream has answered with
    /// 2xx before.
    pub counts: Option<Counts>,
    /// As many identities of one network (/24 of IPv4, /48 of IPv6) count in a window.
    #[schemars(range(min = 1, max = 10_000))]
    pub per_network: Option<u64>,
    /// The address that is told of a tripped breaker by POST.
    pub webhook: Option<String>,
}

/// A rule's own breaker; what is left out stands in `[breaker]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RuleBreaker {
    /// The share of the distinct identities seen in the window that may be refused.
    pub refused_share: Option<Share>,
    /// The period that it looks back on.
    pub window: Option<Duration>,
    /// Identities that must have been seen before it may trip.
    #[schemars(range(min = 1))]
    pub minimum: Option<u64>,
    /// The identities that count: all that were seen, or those that an upstream has answered with
    /// 2xx before.
    pub counts: Option<Counts>,
    /// As many identities of one network (/24 of IPv4, /48 of IPv6) count in a window.
    #[schemars(range(min = 1, max = 10_000))]
    pub per_network: Option<u64>,
}

/// The identities that a breaker counts.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Counts {
    /// All that were seen.
    Seen,
    /// Those that an upstream has answered with 2xx before.
    Accepted,
}

/// Requests that no rule refuses unless its paths name them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NeverRefused {
    /// Built-in exemptions that do not hold here, by their ids.
    pub remove: Option<OneOrMore<String>>,
    /// The networks of health checkers; left out, private, loopback and link-local addresses.
    pub health_networks: Option<OneOrMore<String>>,
}
