//! Origins: `http://host:port` and `https://host:port`.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};

/// The origin of one server of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The scheme is `https`.
    pub tls: bool,
    /// A name or an IP address, IPv6 without brackets.
    pub host: String,
    /// The port, given or the default of the scheme.
    pub port: u16,
}

impl From<SocketAddr> for Address {
    /// The origin `http://address`.
    fn from(address: SocketAddr) -> Self {
        Self { tls: false, host: address.ip().to_string(), port: address.port() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        // RFC 3986 §3.2.2: an IPv6 address is in brackets.
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}

/// Parses `http://host[:port]` or `https://host[:port]`, with or without a final slash.
pub(crate) fn parse_origin(text: &str) -> Result<Address, String> {
    let (tls, rest) = split_scheme(text)?;
    // Origins are copied from browsers with this slash. It is no path to be forwarded.
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    // RFC 9110 §4.2.4 deprecates user information in http and https URIs.
    if authority.contains(['/', '?', '#', '@', ' ']) {
        return Err("an origin has a scheme, a host and a port only".to_owned());
    }
    let (host, port) = split_port(authority, tls)?;
    let name = match host.strip_prefix('[') {
        Some(_) => parse_bracketed(host)?,
        None if is_host_name(host) => host,
        None => return Err(INVALID_HOST.to_owned()),
    };
    // RFC 3986 §3.2.2: hosts are case-insensitive. In one case, duplicates are equal.
    Ok(Address { tls, host: name.to_ascii_lowercase(), port })
}

const INVALID_HOST: &str = "the host is a name, an IPv4 address, or an IPv6 address in brackets";

/// Splits the scheme off; true if it is `https`.
fn split_scheme(text: &str) -> Result<(bool, &str), String> {
    if let Some(rest) = text.strip_prefix("https://") {
        Ok((true, rest))
    } else if let Some(rest) = text.strip_prefix("http://") {
        Ok((false, rest))
    } else {
        Err("an origin starts with http:// or https://".to_owned())
    }
}

fn split_port(authority: &str, tls: bool) -> Result<(&str, u16), String> {
    match authority.rsplit_once(':') {
        // In `[::1]` the last colon is part of the address.
        Some((host, port)) if !port.ends_with(']') => match port.parse() {
            // Port 0 is for listeners, which let the system choose.
            Ok(0) | Err(_) => Err("the port is a number from 1 to 65535".to_owned()),
            Ok(port) => Ok((host, port)),
        },
        _ => Ok((authority, default_port(tls))),
    }
}

/// The port of a scheme whose URLs name none.
pub(crate) fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

fn parse_bracketed(host: &str) -> Result<&str, String> {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or_default();
    match inner.parse::<Ipv6Addr>() {
        Ok(_) => Ok(inner),
        Err(_) => Err(INVALID_HOST.to_owned()),
    }
}

fn is_host_name(host: &str) -> bool {
    // The underscore is in no host name of RFC 1123, but in service names of container networks.
    // A colon is not: an IPv6 address without brackets ends here.
    !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_and_written() {
        let shown = |text| parse_origin(text).map(|address| address.to_string());
        assert_eq!(shown("http://127.0.0.1:3000").as_deref(), Ok("http://127.0.0.1:3000"));
        assert_eq!(shown("https://Example.com/").as_deref(), Ok("https://example.com:443"));
        assert_eq!(shown("http://[::1]:80").as_deref(), Ok("http://[::1]:80"));
        for wrong in [
            "localhost:80",
            "http://",
            "http://a/b",
            "http://a:0",
            "http://a:b",
            "http://u@a",
            "http://::1",
        ] {
            assert!(parse_origin(wrong).is_err(), "{wrong}");
        }
    }
}
