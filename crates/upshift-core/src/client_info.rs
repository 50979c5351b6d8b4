//! Who asks, over what: this hop's own view, corrected by the proxies that are declared.
//!
//! 1. Only the fields that a declared proxy's `reads` names are believed, and only from its
//!    addresses.
//! 2. What a declared proxy does not tell is unknown, the client's address too: to take the proxy's
//!    own, which is private as a rule, would excuse its clients. If none of the fields is there,
//!    the request is the peer's own.
//! 3. An undeclared peer on a private network, or at an address that is not known, that sends
//!    `X-Forwarded-Proto` is most likely a TLS terminator that was forgotten: what it hides is
//!    unknown, not cleartext. `undeclared-proxy = "ignore"` takes it for a client.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::policy::is_private;
use crate::proxy_fields::{ProxyFields, is_at};
use crate::{Fields, HttpVersion, Known, TlsState};

/// A hop in front that is believed, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Its addresses.
    pub from: Vec<IpNet>,
    /// The fields it tells facts in.
    pub reads: ProxyReads,
    /// It passes `Upgrade` on, so that a refusal over HTTP/1.1 may carry it.
    pub upgrade_field: bool,
}

/// The names of the fields (lower case) in which a proxy tells what it saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyReads {
    /// `http` or `https`.
    pub scheme: Option<String>,
    /// The client's address; of a list the last member that is no declared proxy.
    pub peer: Option<String>,
    /// The version of TLS.
    pub tls: Option<String>,
    /// The version of HTTP.
    pub http: Option<String>,
}

impl ProxyReads {
    /// The names of all fields that are read.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let all = [&self.scheme, &self.peer, &self.tls, &self.http];
        all.into_iter().flatten().map(String::as_str)
    }
}

/// What an undeclared private peer with `X-Forwarded-Proto` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UndeclaredProxy {
    /// A proxy that was forgotten: the client's transport is unknown.
    #[default]
    Unknown,
    /// A client: the field says nothing.
    Ignore,
}

/// What the connection itself shows.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionInfo {
    /// The address at its other end, if it is known.
    pub peer: Option<IpAddr>,
    /// The version of HTTP of the request.
    pub http: HttpVersion,
    /// How it is protected.
    pub tls: Known<TlsState>,
}

/// What is known of the client itself.
#[derive(Clone, Copy, Debug)]
pub struct ClientInfo<'p> {
    /// The client's address; `None` if it is not known.
    pub client_ip: Option<IpAddr>,
    /// The version of HTTP of this hop.
    pub hop: HttpVersion,
    /// The version of HTTP that it speaks.
    pub http: Known<HttpVersion>,
    /// How its connection is protected.
    pub tls: Known<TlsState>,
    /// The declared proxy between us.
    pub proxy: Option<&'p Proxy>,
    /// The other end looks like a proxy that is not declared.
    pub undeclared: bool,
    /// The declared proxy tells how the client's connection is protected, in words that are not
    /// known here.
    unreadable: bool,
}

impl<'p> ClientInfo<'p> {
    /// Puts together what is seen and what is told.
    pub fn resolve(
        seen: ConnectionInfo,
        fields: &dyn Fields,
        proxies: &'p [Proxy],
        undeclared: UndeclaredProxy,
    ) -> Self {
        if let Some(proxy) = seen.peer.and_then(|peer| declared_proxy(peer, proxies)) {
            let told = ProxyFields::new(proxy, fields, proxies);
            let tls = told.tls();
            return Self {
                client_ip: if told.tell_anything() { told.peer() } else { seen.peer },
                hop: seen.http,
                http: told.http(),
                tls,
                proxy: Some(proxy),
                undeclared: false,
                unreadable: tls == Known::Unknown && told.tell_protection(),
            };
        }
        let undeclared = undeclared == UndeclaredProxy::Unknown
            && fields.has("x-forwarded-proto")
            && seen.peer.is_none_or(is_private);
        Self {
            client_ip: seen.peer.filter(|_| !undeclared),
            hop: seen.http,
            http: if undeclared { Known::Unknown } else { Known::Is(seen.http) },
            tls: if undeclared { Known::Unknown } else { seen.tls },
            proxy: None,
            undeclared,
            unreadable: false,
        }
    }

    /// The same request with a proxy in between that is not declared: what it hides is unknown.
    #[must_use]
    pub fn behind_undeclared_proxy(self) -> Self {
        Self {
            client_ip: None,
            http: Known::Unknown,
            tls: Known::Unknown,
            undeclared: true,
            ..self
        }
    }

    /// Whether the client itself used `https`: what a declared proxy tells, else what this
    /// connection shows. `None` if the proxy tells it in words that are not known here.
    pub fn is_https(&self, seen: TlsState) -> Option<bool> {
        match self.tls {
            Known::Is(tls) => Some(tls != TlsState::Cleartext),
            Known::Unknown => (!self.unreadable).then_some(seen != TlsState::Cleartext),
        }
    }
}

/// The proxy at `address`, if one is declared there.
pub fn declared_proxy(address: IpAddr, proxies: &[Proxy]) -> Option<&Proxy> {
    proxies.iter().find(|proxy| is_at(proxy, address))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use super::*;
    use crate::TlsVersion;

    const SEEN: ConnectionInfo = ConnectionInfo {
        peer: Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9))),
        http: HttpVersion::V1_0,
        tls: Known::Is(TlsState::Cleartext),
    };

    fn headers(lines: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
        lines.to_vec()
    }

    fn proxy() -> Proxy {
        let named = |name: &str| Some(name.to_owned());
        let reads = ProxyReads {
            scheme: named("x-forwarded-proto"),
            peer: named("x-forwarded-for"),
            tls: named("x-tls"),
            http: None,
        };
        Proxy { from: vec!["10.0.0.0/8".parse().unwrap()], reads, upgrade_field: false }
    }

    fn read<'p>(seen: ConnectionInfo, fields: &dyn Fields, proxies: &'p [Proxy]) -> ClientInfo<'p> {
        ClientInfo::resolve(seen, fields, proxies, UndeclaredProxy::Unknown)
    }

    /// However long a list the client forges in front, what the proxy appended is read.
    #[test]
    fn a_list_is_read_from_its_end() {
        let forged = ["198.51.100.1"; 300].join(",") + &",".repeat(300) + "\"1, 203.0.113.9";
        let told = vec![("x-forwarded-for", forged)];
        let proxies = [proxy()];
        assert_eq!(read(SEEN, &told, &proxies).client_ip, "203.0.113.9".parse().ok());
    }

    /// The proxy's own address is not its client's.
    #[test]
    fn an_address_that_the_proxy_does_not_tell_is_unknown() {
        let proxies = [proxy()];
        for list in ["unknown", "", "198.51.100.7, x", "x, 10.1.2.3", "fe80::1%eth0"] {
            assert_eq!(
                read(SEEN, &headers(&[("x-forwarded-for", list)]), &proxies).client_ip,
                None,
                "{list}"
            );
        }
        assert_eq!(
            read(SEEN, &headers(&[("x-forwarded-proto", "https")]), &proxies).client_ip,
            None
        );
        assert_eq!(read(SEEN, &headers(&[]), &proxies).client_ip, SEEN.peer, "it asks for itself");
    }

    #[test]
    fn an_undeclared_peer_may_be_taken_for_a_client() {
        let told = headers(&[("x-forwarded-proto", "https")]);
        let client_info = ClientInfo::resolve(SEEN, &told, &[], UndeclaredProxy::Ignore);
        assert_eq!(
            (client_info.undeclared, client_info.tls),
            (false, Known::Is(TlsState::Cleartext))
        );
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let seen = ConnectionInfo { peer: "192.0.2.1".parse().ok(), ..SEEN };
        let told = headers(&[("x-forwarded-proto", "https"), ("x-forwarded-for", "198.51.100.7")]);
        let proxies = [proxy()];
        let client_info = read(seen, &told, &proxies);
        assert_eq!(client_info.tls, Known::Is(TlsState::Cleartext));
        assert_eq!(client_info.client_ip, seen.peer);
        assert!(!client_info.undeclared);
    }

    #[test]
    fn an_undeclared_private_peer_makes_the_transport_unknown() {
        let client_info = read(SEEN, &headers(&[("x-forwarded-proto", "http")]), &[]);
        assert!(client_info.undeclared);
        assert_eq!(client_info.tls, Known::Unknown);
        assert_eq!((client_info.http, client_info.client_ip), (Known::Unknown, None));
        assert!(!read(SEEN, &headers(&[]), &[]).undeclared);
    }

    #[test]
    fn a_declared_proxy_is_believed_in_what_it_reads() {
        let told = headers(&[
            ("x-forwarded-proto", "https"),
            ("x-forwarded-for", "203.0.113.9, 198.51.100.7"),
            ("x-forwarded-for", "10.1.1.1"),
        ]);
        let proxies = [proxy()];
        let client_info = read(SEEN, &told, &proxies);
        assert_eq!(client_info.client_ip, "198.51.100.7".parse().ok());
        assert_eq!(client_info.tls, Known::Is(TlsState::SomeVersion));
        assert_eq!(client_info.http, Known::Unknown);
        let told = headers(&[("x-tls", "TLSv1.2:ECDHE")]);
        assert_eq!(read(SEEN, &told, &proxies).tls, Known::Is(TlsState::Version(TlsVersion::V1_2)));
        assert_eq!(read(SEEN, &headers(&[]), &proxies).tls, Known::Unknown);
    }
}
