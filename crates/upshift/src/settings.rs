//! From the policy file to what the gateway is told.

use upshift_config::{AccessLog, File, Hsts, Limits, Proxy, Upstream, UpstreamHttp};
use upshift_gateway as gateway;

/// What the gateway is told.
pub(crate) fn settings(file: File) -> gateway::Settings {
    let File { gateway: said, limits, upstreams, policy, webhook } = file;
    gateway::Settings {
        policy,
        http: said.http,
        https: said.https,
        http3: said.http3,
        h2c_upgrade: said.h2c_upgrade,
        in_band_tls: said.in_band_tls,
        dangerous_allow_opossum: said.dangerous_allow_opossum,
        admin: said.admin,
        store: said.store,
        webhook,
        certificate: said.tls.map(|files| gateway::CertificateFiles { certificate: files.certificate, key: files.key }),
        hsts: said.hsts.map(|hsts| strict_transport_security(&hsts)),
        public: said.public,
        proxies: said.proxies.into_iter().map(proxy).collect(),
        upstreams: upstreams.into_iter().map(upstream).collect(),
        access_log: match said.access_log {
            AccessLog::Off => gateway::AccessLog::Off,
            AccessLog::Refused => gateway::AccessLog::Refused,
            AccessLog::All => gateway::AccessLog::All,
        },
        limits: bounds(limits),
        ..gateway::Settings::default()
    }
}

/// RFC 6797 §6.1.
fn strict_transport_security(hsts: &Hsts) -> String {
    let mut value = format!("max-age={}", hsts.max_age.as_secs());
    if hsts.include_subdomains {
        value.push_str("; includeSubDomains");
    }
    if hsts.preload {
        value.push_str("; preload");
    }
    value
}

fn proxy(proxy: Proxy) -> gateway::DeclaredProxy {
    // The file's names are tokens, or it would not have been loaded.
    let field = |name: Option<String>| name.and_then(|name| http::HeaderName::try_from(name).ok());
    let Proxy { from, reads, upgrade_field } = proxy;
    gateway::DeclaredProxy {
        from,
        scheme: field(reads.scheme),
        peer: field(reads.peer),
        tls: field(reads.tls),
        http: field(reads.http),
        upgrade_field,
    }
}

fn upstream(upstream: Upstream) -> gateway::Upstream {
    let address = |address: upshift_config::Address| gateway::Address {
        tls: address.tls,
        host: address.host,
        port: address.port,
    };
    gateway::Upstream {
        matcher: upstream.matcher,
        addresses: upstream.addresses.into_iter().map(address).collect(),
        http: match upstream.http {
            UpstreamHttp::V1_1 => gateway::UpstreamHttp::V1_1,
            UpstreamHttp::V2 => gateway::UpstreamHttp::V2,
        },
    }
}

fn bounds(limits: Limits) -> gateway::Limits {
    gateway::Limits {
        header_bytes: limits.header_bytes,
        header_timeout: limits.header_timeout,
        idle: limits.idle,
        connections: limits.connections,
        drain: limits.drain,
        discard_bytes: limits.discard_bytes,
        discard_timeout: limits.discard_timeout,
        tunnel_idle: limits.tunnel_idle,
        upstream_connect: limits.upstream_connect,
        upstream_response: limits.upstream_response,
        upstream_idle: limits.upstream_idle,
    }
}
