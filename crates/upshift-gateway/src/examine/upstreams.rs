//! Checks of upstreams: their authorities, addresses that lead back to the gateway, and requests
//! that no upstream takes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use upshift_config::{Address, KeyDiagnostic, Upstream};
use upshift_core::policy::Matcher;

use super::certificates::check_certificates;
use super::problem::{error, warning};
use crate::settings::{Settings, takes_all};
use crate::tls::client::TrustAnchors;

/// Checks the upstream at `index` of the file.
pub(super) fn check_upstream(
    upstream: &Upstream,
    index: usize,
    settings: &Settings,
) -> Vec<KeyDiagnostic> {
    let mut found = Vec::new();
    let key = format!("upstream.{index}");
    if let TrustAnchors::File(path) = TrustAnchors::for_upstream(upstream) {
        found.extend(check_certificates(path, &format!("{key}.ca")));
    }
    for endpoint in &upstream.endpoints {
        if is_own_listener(&endpoint.address, settings) {
            let message =
                format!("{} is the gateway itself: requests would loop", endpoint.address);
            found.push(error(&key, message, "name the server behind the gateway"));
        }
    }
    found
}

/// Warns if some requests match no upstream.
pub(super) fn check_unmatched_requests(upstreams: &[Upstream]) -> Option<KeyDiagnostic> {
    for upstream in upstreams {
        if takes_all(upstream) || takes_all_paths(upstream) {
            return None;
        }
    }
    Some(warning(
        "upstream",
        "a request that no [[upstream]] matches is answered 503",
        "to forward all other requests, add upstream = \"http://127.0.0.1:3000\" to [gateway]",
    ))
}

/// Returns true if the upstream takes every request because of a pattern that matches all paths.
fn takes_all_paths(upstream: &Upstream) -> bool {
    let Matcher { hosts, paths, methods, headers, peers, clients, identities } = &upstream.matcher;
    let all_paths =
        paths.exclude.is_empty() && paths.include.iter().any(|pattern| pattern.text() == "/**");
    let unlimited = hosts.is_empty() && methods.is_empty() && headers.is_empty();
    all_paths && unlimited && peers.is_empty() && clients.is_empty() && identities.is_empty()
}

/// Returns true if the gateway listens on `address`, however it is written.
fn is_own_listener(address: &Address, settings: &Settings) -> bool {
    let gateway = &settings.file.gateway;
    let destinations = certain_addresses(&address.host);
    for listener in [gateway.http, gateway.https, gateway.admin].into_iter().flatten() {
        let listens_on = listener.ip().to_canonical();
        if listener.port() == address.port
            && destinations.iter().any(|ip| is_accepted(*ip, listens_on))
        {
            return true;
        }
    }
    false
}

/// The addresses that a host is certain to have. Other names are not resolved: the result may
/// differ when the gateway runs.
fn certain_addresses(host: &str) -> Vec<IpAddr> {
    // RFC 6761 §6.3: these names are always loopback.
    if host == "localhost" || host.ends_with(".localhost") {
        return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    // A connection to an unspecified address goes to this machine.
    match host.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V4(ip)) if ip.is_unspecified() => vec![Ipv4Addr::LOCALHOST.into()],
        Ok(IpAddr::V6(ip)) if ip.is_unspecified() => vec![Ipv6Addr::LOCALHOST.into()],
        Ok(ip) => vec![ip],
        Err(_) => Vec::new(),
    }
}

/// Returns true if a listener on `listens_on` accepts connections to `ip`.
fn is_accepted(ip: IpAddr, listens_on: IpAddr) -> bool {
    if ip == listens_on {
        return true;
    }
    // A listener on [::] accepts IPv4 as well.
    let is_wildcard = listens_on.is_unspecified() && (listens_on.is_ipv6() || ip.is_ipv4());
    // Binding succeeds only for an address of this machine.
    is_wildcard && (ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok())
}
