//! What the gateway is told: plain values, whatever they were read from.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use upshift_core::Policy;
use upshift_core::policy::Matcher;

/// Everything that one gateway needs to know.
///
/// [`Default`] listens nowhere and has no upstream; build on it with `..Settings::default()`.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What is required of requests, as it was read; what people and the breaker impose is put over it.
    pub policy: Policy,
    /// Every rule observes, whatever the policy says: nobody is refused or warned.
    pub observe: bool,
    /// Cleartext: HTTP/1.0, HTTP/1.1, HTTP/2 by prior knowledge.
    pub http: Option<SocketAddr>,
    /// TLS: `h2` and `http/1.1` by ALPN.
    pub https: Option<SocketAddr>,
    /// HTTP/3 on the UDP port of `https`.
    pub http3: bool,
    /// The obsolete switch to HTTP/2 by `Upgrade: h2c` (RFC 7540 §3.2).
    pub h2c_upgrade: bool,
    /// TLS on the cleartext port after a `101` (RFC 2817).
    pub in_band_tls: bool,
    /// Lets `in_band_tls` stand beside `https` in spite of CVE-2025-49812.
    pub dangerous_allow_opossum: bool,
    /// `/healthz`, `/readyz`, `/metrics` and what else the admin listener serves.
    pub admin: Option<SocketAddr>,
    /// What `/api` on the admin listener asks for; none: local callers only.
    pub admin_token: Option<String>,
    /// Where what people and the breaker change is kept; none: until the end of the process.
    pub store: Option<PathBuf>,
    /// Who is told by POST when a breaker trips.
    pub webhook: Option<String>,
    /// PEM files; none: a certificate signed by itself is made at start.
    pub certificate: Option<CertificateFiles>,
    /// `Strict-Transport-Security`, sent over TLS only (RFC 6797 §7.2).
    pub hsts: Option<String>,
    /// Scheme and authority that links in answers are built from.
    pub public: Option<String>,
    /// Hops in front that are believed.
    pub proxies: Vec<DeclaredProxy>,
    /// Where requests go: the first that matches.
    pub upstreams: Vec<Upstream>,
    /// Which requests are written as JSON lines.
    pub access_log: AccessLog,
    /// Bounds on what peers can make the gateway hold or wait for.
    pub limits: Limits,
    /// Threads that serve, each with its own runtime; 0: one per core.
    pub workers: usize,
}

/// A certificate chain and its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A hop in front of the gateway that is believed, and for what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeclaredProxy {
    /// Its addresses.
    pub from: Vec<IpNet>,
    /// The field that tells `http` or `https`.
    pub scheme: Option<http::HeaderName>,
    /// The field that tells the client's address; of a list the last member that is no declared proxy.
    pub peer: Option<http::HeaderName>,
    /// The field that tells the version of TLS.
    pub tls: Option<http::HeaderName>,
    /// The field that tells the version of HTTP.
    pub http: Option<http::HeaderName>,
    /// It passes `Upgrade` on, so that a refusal over HTTP/1.1 may carry it.
    pub upgrade_field: bool,
}

impl DeclaredProxy {
    /// Whether this is the hop at `address`.
    pub(crate) fn is_at(&self, address: IpAddr) -> bool {
        self.from.iter().any(|net| net.contains(&address))
    }
}

/// A site behind the gateway.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Which requests go to it; the default is all.
    pub matcher: Matcher,
    /// Its replicas, at least one.
    pub addresses: Vec<Address>,
    /// The protocol spoken to it.
    pub http: UpstreamHttp,
}

/// Where one replica listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Over TLS.
    pub tls: bool,
    /// A name or an address, IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}

impl From<SocketAddr> for Address {
    /// In clear.
    fn from(address: SocketAddr) -> Self {
        Self { tls: false, host: address.ip().to_string(), port: address.port() }
    }
}

/// The protocol spoken to an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UpstreamHttp {
    /// HTTP/1.1.
    #[default]
    V1_1,
    /// HTTP/2: by ALPN over TLS, by prior knowledge in clear.
    V2,
}

/// Which requests are written as JSON lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// None; requests are counted.
    #[default]
    Off,
    /// Those that were refused.
    Refused,
    /// All.
    All,
}

/// Bounds on what peers can make the gateway hold or wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's header section; more is 431.
    pub header_bytes: usize,
    /// From the first byte of a request to the end of its header section; longer is 408.
    pub header_timeout: Duration,
    /// How long a connection may rest between requests, and a client may stall within one.
    pub idle: Duration,
    /// Open connections in all.
    pub connections: usize,
    /// How long open requests may take to finish at shutdown.
    pub drain: Duration,
    /// Bytes of a refused request's body that are thrown away before the connection closes.
    pub discard_bytes: u64,
    /// How long that may take.
    pub discard_timeout: Duration,
    /// How long a tunnel may rest.
    pub tunnel_idle: Duration,
    /// Connecting to an upstream; longer is 504.
    pub upstream_connect: Duration,
    /// From the last byte of the request to the upstream's header section; longer is 504.
    pub upstream_response: Duration,
    /// How long an upstream connection is kept for the next request.
    pub upstream_idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 64 * 1024,
            header_timeout: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            connections: 10_000,
            drain: Duration::from_secs(30),
            discard_bytes: 16 * 1024 * 1024,
            discard_timeout: Duration::from_secs(10),
            tunnel_idle: Duration::from_secs(60 * 60),
            upstream_connect: Duration::from_secs(5),
            upstream_response: Duration::from_secs(60),
            upstream_idle: Duration::from_secs(30),
        }
    }
}

impl Upstream {
    /// Whether every request may go to it.
    pub(crate) fn fits_all(&self) -> bool {
        let Matcher { hosts, paths, methods, headers, peers, clients, identities } = &self.matcher;
        hosts.is_empty()
            && paths.is_empty()
            && methods.is_empty()
            && headers.is_empty()
            && peers.is_empty()
            && clients.is_empty()
            && identities.is_empty()
    }

    /// A site of one replica, in clear and over HTTP/1.1.
    pub fn at(address: impl Into<SocketAddr>) -> Self {
        Self { matcher: Matcher::default(), addresses: vec![address.into().into()], http: UpstreamHttp::V1_1 }
    }
}
