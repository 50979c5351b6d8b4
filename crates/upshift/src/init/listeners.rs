//! Where the first gateway listens: at the usual ports, or at the next ones where others are there
//! already.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::Uri;

use super::Answers;

/// The addresses of a file.
pub(super) struct ListenerAddresses {
    pub(super) http: SocketAddr,
    pub(super) https: Option<SocketAddr>,
    pub(super) admin: SocketAddr,
}

impl ListenerAddresses {
    /// Those that were asked for, and usual ones for the rest.
    pub(super) fn for_answers(answers: &Answers) -> Self {
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let upstream = answers.upstream.as_deref().and_then(upstream_port);
        let mut taken: Vec<u16> = upstream.into_iter().collect();
        taken.extend(
            [answers.http, answers.https, answers.admin]
                .into_iter()
                .flatten()
                .map(|address| address.port()),
        );
        let http =
            answers.http.unwrap_or_else(|| SocketAddr::new(here, take_free_port(8080, &mut taken)));
        let wants_tls = answers.tls.is_some() || answers.certificate.is_some();
        // A certificate that signs itself is for this machine.
        let beside = if answers.certificate.is_some() { http.ip() } else { here };
        let https = match answers.https {
            None if wants_tls => Some(SocketAddr::new(beside, take_free_port(8443, &mut taken))),
            asked => asked,
        };
        let admin = answers
            .admin
            .unwrap_or_else(|| SocketAddr::new(here, take_free_port(9426, &mut taken)));
        Self { http, https, admin }
    }
}

/// The usual port, or the next one that is not taken.
fn take_free_port(usual: u16, taken: &mut Vec<u16>) -> u16 {
    let mut port = usual;
    while taken.contains(&port) {
        port += 1;
    }
    taken.push(port);
    port
}

/// The port of an upstream that is on this machine.
fn upstream_port(url: &str) -> Option<u16> {
    let url: Uri = url.parse().ok()?;
    let host = url.host()?.trim_matches(['[', ']']);
    let is_here = match host.parse::<IpAddr>() {
        Ok(ip) => ip.is_loopback() || ip.is_unspecified(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    };
    let usual = if url.scheme_str() == Some("https") { 443 } else { 80 };
    is_here.then(|| url.port_u16().unwrap_or(usual))
}

/// Tells whether a listener would have the address of the upstream.
pub(super) fn is_upstream(listener: SocketAddr, upstream: &str) -> bool {
    let local = listener.ip().is_loopback() || listener.ip().is_unspecified();
    local && upstream_port(upstream) == Some(listener.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kind of fault: a usual port that is taken by what was asked for.
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
