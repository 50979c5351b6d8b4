//! What the file says of the gateway itself; the policy is the core's.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use upshift_core::policy::Comparison;
pub use upshift_core::proxy::{Proxy, ProxyReads, UndeclaredProxy};

use crate::regular::read_regular;

/// `[gateway]`: the listeners, the trusted proxies and what holds for the whole gateway.
///
/// [`Default`] has no listener and no store, as suits an embedder. What a file leaves out is filled
/// in with [`GatewaySettings::HTTP`], [`GatewaySettings::ADMIN`] and [`GatewaySettings::STORE`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GatewaySettings {
    /// Cleartext: HTTP/1.0, HTTP/1.1, and h2c by prior knowledge.
    pub http: Option<SocketAddr>,
    /// TLS: h2 and http/1.1 by ALPN.
    pub https: Option<SocketAddr>,
    /// HTTP/3 on the UDP port of `https`.
    pub http3: bool,
    /// Metrics, admin API, health.
    pub admin: Option<SocketAddr>,
    /// Scheme and authority that links in answers are built from, without a slash at the end.
    pub public: Option<String>,
    /// The obsolete `Upgrade: h2c` switch (RFC 7540 §3.2).
    pub h2c_upgrade: bool,
    /// TLS on the cleartext port after 101 (RFC 2817).
    pub in_band_tls: bool,
    /// Allows `in_band_tls` beside `https` in spite of CVE-2025-49812.
    pub dangerous_allow_opossum: bool,
    /// The certificate; none: a self-signed one is made.
    pub tls: Option<TlsFiles>,
    /// Hops in front that are believed.
    pub proxies: Vec<Proxy>,
    /// `Strict-Transport-Security`, over TLS only.
    pub hsts: Option<Hsts>,
    /// The requests that are logged as JSON lines.
    pub access_log: AccessLog,
    /// The token that the admin API requires.
    pub admin_token: Option<AdminToken>,
    /// The embedded store; none: in memory only.
    pub store: Option<PathBuf>,
    /// The file does not set `store`: it may be elsewhere, where the folder of the policy file
    /// cannot be written to.
    pub store_is_usual: bool,
    /// Treatment of ambiguous paths.
    pub paths: PathMode,
    /// Comparison of paths with patterns.
    pub comparison: Comparison,
    /// Treatment of an undeclared private peer that sends `X-Forwarded-Proto`.
    pub undeclared_proxy: UndeclaredProxy,
}

/// `paths`: what becomes of a path that upstreams read in different ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PathMode {
    /// It goes upstream as it was sent, and the strictest verdict of all its readings counts.
    #[default]
    AsSent,
    /// It goes upstream in canonical form.
    Canonical,
    /// It is refused with 400.
    Strict,
}

impl GatewaySettings {
    /// The cleartext listener of a file that names none.
    pub const HTTP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
    /// The address of the admin listener.
    pub const ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9426);
    /// The name of the store, beside the policy file.
    pub const STORE: &str = "upshift.db";
}

/// `[gateway.tls]`: PEM files, relative to the policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// `hsts`: `Strict-Transport-Security` (RFC 6797).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hsts {
    /// The time for which browsers remember.
    pub max_age: Duration,
    /// For all names below this one, too.
    pub include_subdomains: bool,
    /// Asks for the lists that browsers are built with.
    pub preload: bool,
}

/// `access-log`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// Nothing; requests are counted.
    #[default]
    Off,
    /// Requests that were refused.
    Refused,
    /// All.
    All,
}

/// `admin-token`: the text itself, or where it stands.
#[derive(Clone, PartialEq, Eq)]
pub enum AdminToken {
    /// The token.
    Text(String),
    /// `env:NAME`: an environment variable.
    Environment(String),
    /// `file:PATH`: the first line of a file, relative to the policy file.
    File(PathBuf),
}

impl AdminToken {
    /// The fewest characters of a token, wherever it stands.
    pub const SHORTEST: usize = 16;

    /// The token, read now.
    ///
    /// # Errors
    /// The variable or file is not there, is empty, or holds a token that is too short.
    pub fn read(&self) -> std::io::Result<String> {
        let (place, text) = match self {
            Self::Text(text) => return Ok(text.clone()),
            Self::Environment(name) => {
                (format!("the variable {name}"), std::env::var(name).map_err(unset))
            }
            Self::File(path) => (format!("the file {}", path.display()), read_text(path)),
        };
        let text = text.map_err(|error| {
            std::io::Error::new(error.kind(), format!("{place} has no token: {error}"))
        })?;
        let token = text.lines().next().unwrap_or_default().trim();
        let wrong = match token.chars().count() {
            0 => format!("{place} has no token: it is empty"),
            count if count < Self::SHORTEST => {
                let needed = Self::SHORTEST;
                format!(
                    "the token in {place} is too short to be safe: {count} characters, and it needs {needed}"
                )
            }
            _ => return Ok(token.to_owned()),
        };
        Err(std::io::Error::new(std::io::ErrorKind::InvalidData, wrong))
    }
}

fn unset(error: std::env::VarError) -> std::io::Error {
    match error {
        std::env::VarError::NotPresent => {
            std::io::Error::new(std::io::ErrorKind::NotFound, "it is not set")
        }
        std::env::VarError::NotUnicode(_) => {
            std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not UTF-8")
        }
    }
}

fn read_text(path: &Path) -> std::io::Result<String> {
    let text = read_regular(path)?;
    String::from_utf8(text)
        .map_err(|_| std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not UTF-8"))
}

/// The token itself is never shown.
impl std::fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(…)"),
            Self::Environment(name) => write!(f, "Environment({name})"),
            Self::File(path) => write!(f, "File({})", path.display()),
        }
    }
}

/// `[limits]`: bounds on what peers can make the gateway hold or wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's header section; more is 431.
    pub header_bytes: usize,
    /// From the first byte of a request to the end of its header section; longer is 408.
    pub header_timeout: Duration,
    /// The longest pause between two requests of a connection, or two reads of a body.
    pub idle: Duration,
    /// Open connections in all.
    pub connections: usize,
    /// The time at shutdown in which requests are still accepted, while `/readyz` is 503.
    pub lame_duck: Duration,
    /// The time limit for open requests at shutdown.
    pub drain: Duration,
    /// Bytes of a refused request's body that are read and thrown away before the connection
    /// closes.
    pub discard_bytes: u64,
    /// The time limit for that.
    pub discard_timeout: Duration,
    /// The longest pause in a tunnel.
    pub tunnel_idle: Duration,
    /// Connecting to an upstream; longer is 504.
    pub upstream_connect: Duration,
    /// From the end of the request to the upstream's header section; longer is 504.
    pub upstream_response: Duration,
    /// The longest pause of an upstream in a body that it sends, or takes.
    pub upstream_silence: Duration,
    /// The time for which an idle upstream connection is kept.
    pub upstream_idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 64 * 1024,
            header_timeout: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            connections: 10_000,
            lame_duck: Duration::ZERO,
            // Kubernetes kills after 30 seconds.
            drain: Duration::from_secs(25),
            discard_bytes: 16 * 1024 * 1024,
            discard_timeout: Duration::from_secs(10),
            tunnel_idle: Duration::from_secs(60 * 60),
            upstream_connect: Duration::from_secs(5),
            upstream_response: Duration::from_secs(60),
            upstream_silence: Duration::from_secs(60),
            upstream_idle: Duration::from_secs(30),
        }
    }
}

/// One member of an upstream's `addresses`: `http://host:port` or `https://host:port`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// `https`.
    pub tls: bool,
    /// A name or an address, IPv6 without brackets.
    pub host: String,
    /// The port, given or the scheme's own.
    pub port: u16,
}

impl From<SocketAddr> for Address {
    /// In clear.
    fn from(address: SocketAddr) -> Self {
        Self { tls: false, host: address.ip().to_string(), port: address.port() }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}

/// The protocol spoken to an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UpstreamHttp {
    /// HTTP/1.1.
    #[default]
    V1_1,
    /// HTTP/2: by ALPN over https, by prior knowledge over http.
    V2,
}
