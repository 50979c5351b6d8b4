//! Declared proxies: which hops in front are trusted, and with which fields.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::network::network_contains;

/// A trusted hop in front, and the fields that it is trusted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Its addresses.
    pub from: Vec<IpNet>,
    /// The fields in which it reports facts about the client.
    pub reads: ProxyReads,
    /// True if it forwards `Upgrade`, so that a refusal over HTTP/1.1 may carry it.
    pub upgrade_field: bool,
}

/// The names of the fields (in lower case) in which a proxy reports facts about the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyReads {
    /// `http` or `https`.
    pub scheme: Option<String>,
    /// The client's address; of a list the last member that is not a declared proxy.
    pub peer: Option<String>,
    /// The version of TLS.
    pub tls: Option<String>,
    /// The version of HTTP.
    pub http: Option<String>,
}

/// The treatment of an undeclared private peer that sends `X-Forwarded-Proto`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UndeclaredProxy {
    /// It is a proxy that was not declared: the client's transport is unknown.
    #[default]
    Unknown,
    /// It is a client: the field means nothing.
    Ignore,
}

impl Proxy {
    /// Returns true if the proxy has this address.
    pub(crate) fn is_at(&self, address: IpAddr) -> bool {
        self.from.iter().any(|network| network_contains(network, address))
    }
}

impl ProxyReads {
    /// The names of all fields that are read.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let all = [&self.scheme, &self.peer, &self.tls, &self.http];
        all.into_iter().flatten().map(String::as_str)
    }
}

/// The proxy at `address`, if one is declared there.
pub fn declared_proxy(address: IpAddr, proxies: &[Proxy]) -> Option<&Proxy> {
    proxies.iter().find(|proxy| proxy.is_at(address))
}
