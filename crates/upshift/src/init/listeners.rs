//! The addresses of the first gateway: the usual ports, or the next ones if those are taken.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::Uri;

use super::answers::Answers;

/// The addresses in the new file.
pub(super) struct ListenerAddresses {
    pub(super) http: SocketAddr,
    pub(super) https: Option<SocketAddr>,
    pub(super) admin: SocketAddr,
}

impl ListenerAddresses {
    /// The addresses that were asked for, and the usual ones for the others.
    pub(super) fn for_answers(answers: &Answers) -> Self {
        // By port alone: a listener on 0.0.0.0 takes its port on every address of the machine.
        let mut taken = Vec::new();
        if let Some(upstream) = &answers.upstream {
            taken.extend(upstream_port(upstream));
        }
        for address in [answers.http, answers.https, answers.admin] {
            taken.extend(address.map(|address| address.port()));
        }
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let http = match answers.http {
            Some(address) => address,
            None => SocketAddr::new(here, take_free_port(8080, &mut taken)),
        };
        let wants_tls = answers.tls.is_some() || answers.certificate.is_some();
        // Other machines would not trust a self-signed certificate.
        let tls_ip = if answers.certificate.is_some() { http.ip() } else { here };
        let https = match answers.https {
            None if wants_tls => Some(SocketAddr::new(tls_ip, take_free_port(8443, &mut taken))),
            asked_for => asked_for,
        };
        let admin = match answers.admin {
            Some(address) => address,
            None => SocketAddr::new(here, take_free_port(9426, &mut taken)),
        };
        Self { http, https, admin }
    }
}

/// Takes the usual port, or the next one that is not taken.
fn take_free_port(usual: u16, taken: &mut Vec<u16>) -> u16 {
    let mut port = usual;
    while taken.contains(&port) {
        // Cannot overflow: few ports are taken, and the usual ones are far from the last.
        port += 1;
    }
    taken.push(port);
    port
}

/// The port of an upstream that is on this machine.
fn upstream_port(url: &str) -> Option<u16> {
    let uri: Uri = url.parse().ok()?;
    let host = uri.host()?.trim_matches(['[', ']']);
    let is_here = match host.parse::<IpAddr>() {
        // Connecting to 0.0.0.0 reaches this machine.
        Ok(ip) => ip.is_loopback() || ip.is_unspecified(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    };
    if !is_here {
        return None;
    }
    let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    Some(uri.port_u16().unwrap_or(usual))
}

/// Returns true if a listener would have the address of the upstream.
pub(super) fn is_upstream(listener: SocketAddr, upstream: &str) -> bool {
    let local = listener.ip().is_loopback() || listener.ip().is_unspecified();
    local && upstream_port(upstream) == Some(listener.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A usual port is not used if the upstream or a requested listener has it.
    #[test]
    fn a_usual_port_makes_way() {
        let cases = [
            ("http://127.0.0.1:3000", "", [8080, 8443, 9426]),
            ("http://127.0.0.1:8080", "", [8081, 8443, 9426]),
            ("http://localhost:8443", "", [8080, 8444, 9426]),
            ("http://[::1]:9426", "", [8080, 8443, 9427]),
            ("http://10.0.0.7:8080", "", [8080, 8443, 9426]),
            ("http://127.0.0.1:3000", "127.0.0.1:9426", [9426, 8443, 9427]),
        ];
        for (upstream, http, expected) in cases {
            let answers = Answers {
                upstream: Some(upstream.to_owned()),
                http: http.parse().ok(),
                tls: Some("1.2".to_owned()),
                ..Answers::default()
            };
            let ListenerAddresses { http, https, admin } = ListenerAddresses::for_answers(&answers);
            let ports = [http.port(), https.map_or(0, |https| https.port()), admin.port()];
            assert_eq!(ports, expected, "{upstream}");
        }
    }
}
