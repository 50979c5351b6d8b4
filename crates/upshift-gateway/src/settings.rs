//! What the gateway is told: plain values, whatever they were read from.

use std::net::SocketAddr;
use std::path::PathBuf;

use upshift_config::{
    AccessLog, File, Gateway, Hsts, Limits, PathMode, Proxy, TlsFiles, UndeclaredProxy, Upstream,
};
use upshift_core::Policy;
use upshift_core::policy::Matcher;

/// Everything that one gateway needs to know.
///
/// [`Default`] listens nowhere and has no upstream; build on it with `..Settings::default()`.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What is required of requests, as it was read; what people and the breaker impose is put over
    /// it.
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
    pub certificate: Option<TlsFiles>,
    /// `Strict-Transport-Security`, sent over TLS only (RFC 6797 §7.2).
    pub hsts: Option<String>,
    /// Scheme and authority that links in answers are built from.
    pub public: Option<String>,
    /// Hops in front that are believed.
    pub proxies: Vec<Proxy>,
    /// Whether an undeclared private peer that sends `X-Forwarded-Proto` is taken for a proxy.
    pub undeclared_proxy: UndeclaredProxy,
    /// How ambiguous paths are treated.
    pub paths: PathMode,
    /// Where requests go: the first that matches.
    pub upstreams: Vec<Upstream>,
    /// Which requests are written as JSON lines.
    pub access_log: AccessLog,
    /// Bounds on what peers can make the gateway hold or wait for.
    pub limits: Limits,
    /// Threads that serve, each with its own runtime; 0: one per core.
    pub workers: usize,
}

impl From<File> for Settings {
    /// What a policy file says. It says nothing of `observe` and `workers`; the admin token, which
    /// may stand elsewhere, is for the caller to read.
    fn from(file: File) -> Self {
        // Without `..`: a key that is added does not compile until it is passed on.
        let File { gateway, limits, upstreams, policy, webhook } = file;
        let Gateway {
            http,
            https,
            http3,
            admin,
            public,
            h2c_upgrade,
            in_band_tls,
            dangerous_allow_opossum,
            tls,
            proxies,
            hsts,
            access_log,
            admin_token: _,
            store,
            paths,
            // It is part of the policy.
            comparison: _,
            undeclared_proxy,
            // It is for the program that chooses where the store is.
            store_is_usual: _,
        } = gateway;
        Self {
            policy,
            observe: false,
            http,
            https,
            http3,
            h2c_upgrade,
            in_band_tls,
            dangerous_allow_opossum,
            admin,
            admin_token: None,
            store,
            webhook,
            certificate: tls,
            hsts: hsts.as_ref().map(strict_transport_security),
            public,
            proxies,
            undeclared_proxy,
            paths,
            upstreams,
            access_log,
            limits,
            workers: 0,
        }
    }
}

/// RFC 6797 §6.1.
fn strict_transport_security(hsts: &Hsts) -> String {
    let mut value = format!("max-age={}", hsts.max_age.as_secs());
    for (asked, directive) in
        [(hsts.include_subdomains, "; includeSubDomains"), (hsts.preload, "; preload")]
    {
        if asked {
            value.push_str(directive);
        }
    }
    value
}

/// Tells whether every request may go to the upstream.
pub(crate) fn takes_all(upstream: &Upstream) -> bool {
    let Matcher { hosts, paths, methods, headers, peers, clients, identities } = &upstream.matcher;
    let target = hosts.is_empty() && paths.is_empty() && methods.is_empty();
    target && headers.is_empty() && peers.is_empty() && clients.is_empty() && identities.is_empty()
}
