//! Who asks, over what: this hop's own view, corrected by the proxies that are declared.
//!
//! 1. Only the fields that a declared proxy's `reads` names are believed, and only from its addresses.
//! 2. What a declared proxy does not tell is unknown, the client's address too: to take the proxy's own, which is private
//!    as a rule, would excuse its clients. If none of the fields is there, the request is the peer's own.
//! 3. An undeclared peer on a private network that sends `X-Forwarded-Proto` is most likely a TLS terminator that was
//!    forgotten: what it hides is unknown, not cleartext. `undeclared-proxy = "ignore"` takes it for a client.

use std::net::IpAddr;

use http::HeaderMap;
use upshift_config::{Proxy, UndeclaredProxy};
use upshift_core::policy::is_private;
use upshift_core::{HttpVersion, Known, TlsState};

use crate::proxy_fields::{ProxyFields, is_at};

/// What the connection itself shows.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The address at its other end.
    pub peer: IpAddr,
    /// The version of HTTP of the request.
    pub http: HttpVersion,
    /// How it is protected.
    pub tls: TlsState,
}

/// What is known of the client itself.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'p> {
    /// The client's address; `None` if it is not known.
    pub peer: Option<IpAddr>,
    /// The version of HTTP of this hop.
    pub hop: HttpVersion,
    /// The version of HTTP that it speaks.
    pub http: Known<HttpVersion>,
    /// How its connection is protected.
    pub tls: Known<TlsState>,
    /// The declared proxy between us.
    pub proxy: Option<&'p Proxy>,
    /// The other end looks like a proxy that nobody declared.
    pub undeclared: bool,
    /// The declared proxy tells how the client's connection is protected, in words that are not known here.
    unreadable: bool,
}

impl<'p> Arrival<'p> {
    /// Puts together what is seen and what is told.
    pub fn read(seen: Seen, headers: &HeaderMap, proxies: &'p [Proxy], undeclared: UndeclaredProxy) -> Self {
        if let Some(proxy) = declared_proxy(seen.peer, proxies) {
            let told = ProxyFields::new(proxy, headers, proxies);
            let tls = told.tls();
            return Self {
                peer: if told.tell_anything() { told.peer() } else { Some(seen.peer) },
                hop: seen.http,
                http: told.http(),
                tls,
                proxy: Some(proxy),
                undeclared: false,
                unreadable: tls == Known::Unknown && told.tell_protection(),
            };
        }
        let undeclared = undeclared == UndeclaredProxy::Unknown
            && headers.contains_key("x-forwarded-proto")
            && is_private(seen.peer);
        Self {
            peer: (!undeclared).then_some(seen.peer),
            hop: seen.http,
            http: if undeclared { Known::Unknown } else { Known::Is(seen.http) },
            tls: if undeclared { Known::Unknown } else { Known::Is(seen.tls) },
            proxy: None,
            undeclared,
            unreadable: false,
        }
    }

    /// Whether the client itself used `https`: what a declared proxy tells, else what this connection shows. `None` if
    /// the proxy tells it in words that are not known here.
    pub(crate) fn is_https(&self, seen: TlsState) -> Option<bool> {
        match self.tls {
            Known::Is(tls) => Some(tls != TlsState::Cleartext),
            Known::Unknown => (!self.unreadable).then_some(seen != TlsState::Cleartext),
        }
    }
}

/// The proxy at `address`, if one is declared there.
pub(crate) fn declared_proxy(address: IpAddr, proxies: &[Proxy]) -> Option<&Proxy> {
    proxies.iter().find(|proxy| is_at(proxy, address))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use upshift_config::ProxyReads;
    use upshift_core::TlsVersion;

    use super::*;

    const SEEN: Seen = Seen {
        peer: IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9)),
        http: HttpVersion::V1_0,
        tls: TlsState::Cleartext,
    };

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(*name, value.parse().unwrap());
        }
        map
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

    fn read<'p>(seen: Seen, headers: &HeaderMap, proxies: &'p [Proxy]) -> Arrival<'p> {
        Arrival::read(seen, headers, proxies, UndeclaredProxy::Unknown)
    }

    /// However long a list the client forges in front, what the proxy appended is read.
    #[test]
    fn a_list_is_read_from_its_end() {
        let forged = ["198.51.100.1"; 300].join(",") + &",".repeat(300) + "\"1, 203.0.113.9";
        let mut told = HeaderMap::new();
        told.insert("x-forwarded-for", forged.parse().unwrap());
        let proxies = [proxy()];
        assert_eq!(read(SEEN, &told, &proxies).peer, "203.0.113.9".parse().ok());
    }

    /// The proxy's own address is not its client's.
    #[test]
    fn an_address_that_the_proxy_does_not_tell_is_unknown() {
        let proxies = [proxy()];
        for list in ["unknown", "", "198.51.100.7, x", "x, 10.1.2.3", "fe80::1%eth0"] {
            assert_eq!(read(SEEN, &headers(&[("x-forwarded-for", list)]), &proxies).peer, None, "{list}");
        }
        assert_eq!(read(SEEN, &headers(&[("x-forwarded-proto", "https")]), &proxies).peer, None);
        assert_eq!(read(SEEN, &headers(&[]), &proxies).peer, Some(SEEN.peer), "it asks for itself");
    }

    #[test]
    fn an_undeclared_peer_may_be_taken_for_a_client() {
        let told = headers(&[("x-forwarded-proto", "https")]);
        let arrival = Arrival::read(SEEN, &told, &[], UndeclaredProxy::Ignore);
        assert_eq!((arrival.undeclared, arrival.tls), (false, Known::Is(TlsState::Cleartext)));
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let seen = Seen { peer: "192.0.2.1".parse().unwrap(), ..SEEN };
        let told = headers(&[("x-forwarded-proto", "https"), ("x-forwarded-for", "198.51.100.7")]);
        let proxies = [proxy()];
        let arrival = read(seen, &told, &proxies);
        assert_eq!(arrival.tls, Known::Is(TlsState::Cleartext));
        assert_eq!(arrival.peer, Some(seen.peer));
        assert!(!arrival.undeclared);
    }

    #[test]
    fn an_undeclared_private_peer_makes_the_transport_unknown() {
        let arrival = read(SEEN, &headers(&[("x-forwarded-proto", "http")]), &[]);
        assert!(arrival.undeclared);
        assert_eq!(arrival.tls, Known::Unknown);
        assert_eq!((arrival.http, arrival.peer), (Known::Unknown, None));
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
        let arrival = read(SEEN, &told, &proxies);
        assert_eq!(arrival.peer, "198.51.100.7".parse().ok());
        assert_eq!(arrival.tls, Known::Is(TlsState::SomeVersion));
        assert_eq!(arrival.http, Known::Unknown);
        let told = headers(&[("x-tls", "TLSv1.2:ECDHE")]);
        assert_eq!(read(SEEN, &told, &proxies).tls, Known::Is(TlsState::Version(TlsVersion::V1_2)));
        assert_eq!(read(SEEN, &headers(&[]), &proxies).tls, Known::Unknown);
    }
}
