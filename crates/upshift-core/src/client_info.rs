//! The client and its connection: what this hop sees, corrected by the declared proxies.
//!
//! 1. Only the fields that a declared proxy's `reads` names are trusted, and only from its
//!    addresses.
//! 2. A fact that a declared proxy does not report is unknown, and so is the client's address: the
//!    proxy's own, which is usually private, would exempt all its clients. If none of the fields is
//!    present, the request is the proxy's own.
//! 3. An undeclared peer on a private network, or at an unknown address, that sends
//!    `X-Forwarded-Proto` is most likely a TLS terminator that was not declared: the facts it hides
//!    are unknown, not cleartext. `undeclared-proxy = "ignore"` treats it as a client.

use std::net::IpAddr;

use crate::facts::{Fields, HttpVersion, Known, TlsState};
use crate::network::is_private;
use crate::proxy::{Proxy, UndeclaredProxy, declared_proxy};
use crate::proxy_fields::ProxyFields;

/// The facts that the connection itself shows.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionInfo {
    /// The address of the peer, if it is known.
    pub peer: Option<IpAddr>,
    /// The version of HTTP of the request.
    pub http: HttpVersion,
    /// The protection of the connection.
    pub tls: Known<TlsState>,
}

/// The facts about the client itself.
#[derive(Clone, Copy, Debug)]
pub struct ClientInfo<'p> {
    /// The client's address; `None` if it is not known.
    pub client_ip: Option<IpAddr>,
    /// The version of HTTP of this hop.
    pub hop: HttpVersion,
    /// The version of HTTP that the client speaks.
    pub http: Known<HttpVersion>,
    /// The protection of the client's connection.
    pub tls: Known<TlsState>,
    /// The declared proxy between the client and this hop.
    pub proxy: Option<&'p Proxy>,
    /// True if the peer looks like a proxy that is not declared.
    pub undeclared: bool,
    /// The declared proxy reports how the client's connection is protected, in words that are not
    /// known here.
    unreadable: bool,
}

impl<'p> ClientInfo<'p> {
    /// Combines what the connection shows with what a declared proxy reports.
    pub fn resolve(
        seen: ConnectionInfo,
        fields: &dyn Fields,
        proxies: &'p [Proxy],
        undeclared: UndeclaredProxy,
    ) -> Self {
        // Only the fields of a declared proxy are trusted: any other peer could forge them.
        if let Some(peer) = seen.peer
            && let Some(proxy) = declared_proxy(peer, proxies)
        {
            return Self::behind_proxy(seen, proxy, &ProxyFields::new(proxy, fields, proxies));
        }
        let client = Self {
            client_ip: seen.peer,
            hop: seen.http,
            http: Known::Is(seen.http),
            tls: seen.tls,
            proxy: None,
            undeclared: false,
            unreadable: false,
        };
        let may_be_proxy = match seen.peer {
            // A client on the public internet can write the field itself.
            Some(peer) => is_private(peer),
            // Nothing rules a proxy out. If its hop counted as the client's, a rule could refuse
            // everyone behind it.
            None => true,
        };
        if undeclared == UndeclaredProxy::Unknown && may_be_proxy && fields.has("x-forwarded-proto")
        {
            return client.behind_undeclared_proxy();
        }
        client
    }

    fn behind_proxy(seen: ConnectionInfo, proxy: &'p Proxy, reported: &ProxyFields<'_>) -> Self {
        let tls = reported.tls();
        Self {
            // Without any of its fields, the request is the proxy's own.
            client_ip: if reported.are_present() { reported.client_ip() } else { seen.peer },
            hop: seen.http,
            http: reported.http(),
            tls,
            proxy: Some(proxy),
            undeclared: false,
            unreadable: tls == Known::Unknown && reported.mention_protection(),
        }
    }

    /// The same request, sent through a proxy that is not declared: the facts it hides are unknown.
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

    /// Returns true if the client itself used `https`: as a declared proxy reports it, else as this
    /// connection shows it. `None` if the proxy reports it in words that are not known here.
    pub fn is_https(&self, seen: TlsState) -> Option<bool> {
        match self.tls {
            Known::Is(tls) => Some(tls != TlsState::Cleartext),
            Known::Unknown if self.unreadable => None,
            Known::Unknown => Some(seen != TlsState::Cleartext),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use super::*;
    use crate::facts::TlsVersion;
    use crate::proxy::ProxyReads;

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
