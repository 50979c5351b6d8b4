//! What a declared proxy tells of the client, in the fields that its `reads` names.
//!
//! 1. A list is read from its end, which the nearest hop wrote.
//! 2. Each field has its own form: `Forwarded` (RFC 7239) and `Via` by their names, the object of
//!    `CF-Visitor` by its brace, every other value as the word or the version that it is.
//! 3. Of the elements of `Forwarded`, the last one whose `for` is no declared proxy is about the
//!    client.

use std::net::IpAddr;

use crate::client_info::{Proxy, ProxyReads};
use crate::field::{quoted_parts, token_elements};
use crate::{Fields, HttpVersion, Known, TlsState, TlsVersion};

const FORWARDED: &str = "forwarded";

/// What a proxy tells in one request.
pub(crate) struct ProxyFields<'h> {
    reads: &'h ProxyReads,
    fields: &'h dyn Fields,
    proxies: &'h [Proxy],
}

impl<'h> ProxyFields<'h> {
    pub(crate) fn new(proxy: &'h Proxy, fields: &'h dyn Fields, proxies: &'h [Proxy]) -> Self {
        Self { reads: &proxy.reads, fields, proxies }
    }

    /// Tells whether any of the fields is there.
    pub(crate) fn tell_anything(&self) -> bool {
        self.reads.names().any(|name| self.fields.has(name))
    }

    /// Tells whether one of the fields that say how the client's connection is protected is there.
    pub(crate) fn tell_protection(&self) -> bool {
        let names = [&self.reads.scheme, &self.reads.tls].into_iter().flatten();
        names.into_iter().any(|name| self.fields.has(name))
    }

    /// The version of HTTP that the client speaks.
    pub(crate) fn http(&self) -> Known<HttpVersion> {
        let told = self.reads.http.as_deref().and_then(|name| {
            let last = self.last(name)?;
            // RFC 9110 §7.6.3: `Via` names the version in which the message was received, then who
            // received it.
            let version = if name == "via" { last.split_whitespace().next()? } else { last };
            HttpVersion::parse(version)
        });
        told.map_or(Known::Unknown, Known::Is)
    }

    /// How the client's connection is protected.
    pub(crate) fn tls(&self) -> Known<TlsState> {
        let version = self.reads.tls.as_deref().and_then(|name| self.last(name));
        if let Some(version) = version.and_then(TlsVersion::parse) {
            return Known::Is(TlsState::Version(version));
        }
        match self.reads.scheme.as_deref().and_then(|name| self.is_https(name)) {
            Some(true) => Known::Is(TlsState::SomeVersion),
            Some(false) => Known::Is(TlsState::Cleartext),
            None => Known::Unknown,
        }
    }

    /// The client's address: the last member of the list that is no declared proxy. One that is no
    /// address ends the search: nothing before it can be believed.
    pub(crate) fn peer(&self) -> Option<IpAddr> {
        let name = self.reads.peer.as_deref()?;
        if name == FORWARDED {
            return self.of_client()?.node.and_then(address);
        }
        let mut nearest = None;
        for member in self.members(name).into_iter().rev() {
            let address = address(std::str::from_utf8(member).ok()?)?;
            nearest = Some(address);
            if !self.is_declared(address) {
                break;
            }
        }
        nearest
    }

    /// Tells whether the client used `https`, if the field can be read.
    fn is_https(&self, name: &str) -> Option<bool> {
        if name == FORWARDED {
            return self.of_client()?.proto.and_then(is_https);
        }
        let lines: Vec<&[u8]> = self.fields.all(name).collect();
        // `CF-Visitor: {"scheme":"https"}`. A list of them is in doubt.
        if let [line] = lines.as_slice()
            && line.starts_with(b"{")
        {
            let visitor: serde_json::Value = serde_json::from_slice(line).ok()?;
            return visitor.get("scheme")?.as_str().and_then(is_https);
        }
        is_https(self.last(name)?)
    }

    /// The element of `Forwarded` that is about the client.
    fn of_client(&self) -> Option<Element<'h>> {
        let mut nearest = None;
        for member in self.forwarded().into_iter().rev() {
            let element = Element::read(std::str::from_utf8(member).ok()?)?;
            nearest = Some(element);
            let by = element.node.and_then(address);
            if !by.is_some_and(|address| self.is_declared(address)) {
                break;
            }
        }
        nearest
    }

    fn is_declared(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|proxy| is_at(proxy, address))
    }

    /// The elements of the field `name`, its lines read jointly.
    fn members(&self, name: &str) -> Vec<&'h [u8]> {
        token_elements(self.fields.all(name)).collect()
    }

    /// The elements of `Forwarded`, its lines read jointly.
    ///
    /// RFC 7239 §4: a value may be a quoted string, with commas in it. Where one has no end, the
    /// line is read without them: a client could hide what the proxy appended to its own quote.
    fn forwarded(&self) -> Vec<&'h [u8]> {
        let mut members = Vec::new();
        for line in self.fields.all(FORWARDED) {
            match quoted_parts(line, b',') {
                Some(elements) => members.extend(elements),
                None => members.extend(token_elements([line].into_iter())),
            }
        }
        members
    }

    /// What the nearest hop wrote.
    fn last(&self, name: &str) -> Option<&'h str> {
        std::str::from_utf8(self.members(name).pop()?).ok()
    }
}

/// One element of `Forwarded` (RFC 7239 §4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Element<'h> {
    /// `for`: who sent the request to the proxy.
    node: Option<&'h str>,
    /// `proto`: over which scheme.
    proto: Option<&'h str>,
}

impl<'h> Element<'h> {
    /// Reads an element; `None` if it is malformed. RFC 7239 §4: each parameter MUST NOT occur more
    /// than once.
    fn read(text: &'h str) -> Option<Self> {
        let mut element = Self::default();
        let quoted = quoted_parts(text.as_bytes(), b';');
        let pairs = quoted.unwrap_or_else(|| text.as_bytes().split(|byte| *byte == b';').collect());
        for pair in pairs {
            // Cut at ASCII, so that every part is UTF-8.
            let pair = std::str::from_utf8(pair).ok()?.trim();
            if pair.is_empty() {
                continue;
            }
            let (name, value) = pair.split_once('=')?;
            let known = match name.trim().to_ascii_lowercase().as_str() {
                "for" => &mut element.node,
                "proto" => &mut element.proto,
                _ => continue,
            };
            if known.replace(value.trim().trim_matches('"')).is_some() {
                return None;
            }
        }
        Some(element)
    }
}

/// Tells whether the hop at `address` is this proxy; IPv4 may come mapped into IPv6.
pub(crate) fn is_at(proxy: &Proxy, address: IpAddr) -> bool {
    proxy.from.iter().any(|net| net.contains(&address) || net.contains(&address.to_canonical()))
}

/// The words of `X-Forwarded-Proto`, `X-Forwarded-Ssl`, `Front-End-Https`, `Fastly-SSL` and
/// `X-Forwarded-Port`.
fn is_https(word: &str) -> Option<bool> {
    let word = word.trim().trim_matches('"').to_ascii_lowercase();
    // `http:` and `https://`, as `protocol` and `origin` of a script's location are.
    match word.strip_suffix("://").or_else(|| word.strip_suffix(':')).unwrap_or(&word) {
        "https" | "wss" | "on" | "true" | "yes" | "1" | "ssl" | "443" => Some(true),
        "http" | "ws" | "off" | "false" | "no" | "0" | "80" => Some(false),
        _ => None,
    }
}

/// An address, as proxies write it: with or without brackets, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split(']').next()?.parse().ok();
    }
    text.parse().ok().or_else(|| text.rsplit_once(':')?.0.parse().ok())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use super::*;

    fn proxy(reads: ProxyReads) -> Proxy {
        Proxy { from: vec!["10.0.0.0/8".parse().unwrap()], reads, upgrade_field: false }
    }

    fn tls(scheme: &str, lines: &[(&str, &str)]) -> Known<TlsState> {
        let proxies =
            [proxy(ProxyReads { scheme: Some(scheme.to_owned()), ..ProxyReads::default() })];
        ProxyFields::new(&proxies[0], &lines.to_vec(), &proxies).tls()
    }

    fn peer(lines: &[(&str, &str)]) -> Option<IpAddr> {
        let proxies =
            [proxy(ProxyReads { peer: Some("forwarded".to_owned()), ..ProxyReads::default() })];
        ProxyFields::new(&proxies[0], &lines.to_vec(), &proxies).peer()
    }

    /// Kind: a scheme that a proxy tells is unknown here, and so admitted, because of its spelling.
    #[test]
    fn schemes_are_read_as_proxies_write_them() {
        let (https, http) = (Known::Is(TlsState::SomeVersion), Known::Is(TlsState::Cleartext));
        for (name, value, wanted) in [
            ("x-forwarded-proto", "https", https),
            ("x-forwarded-proto", "https, http", http),
            ("x-forwarded-proto", "WSS", https),
            ("x-forwarded-scheme", "http", http),
            ("x-url-scheme", "https", https),
            ("cloudfront-forwarded-proto", "http", http),
            ("x-forwarded-ssl", "on", https),
            ("x-forwarded-ssl", "off", http),
            ("front-end-https", "On", https),
            ("fastly-ssl", "1", https),
            ("x-forwarded-port", "443", https),
            ("x-forwarded-port", "80", http),
            ("x-forwarded-port", "8080", Known::Unknown),
            ("cf-visitor", r#"{"scheme":"http"}"#, http),
            ("cf-visitor", r#"{"scheme": "https"}"#, https),
            ("cf-visitor", r#"{"scheme":1}"#, Known::Unknown),
            ("cf-visitor", r#"{"sch"#, Known::Unknown),
            ("forwarded", "for=203.0.113.9;proto=http", http),
            ("forwarded", "for=\"[2001:db8::1]:99\"; Proto=\"https\";by=10.0.0.2", https),
            ("forwarded", "proto=https", https),
            ("forwarded", "for=6.6.6.6;proto=https, for=203.0.113.9;proto=http", http),
            ("forwarded", "for=203.0.113.9;proto=https, for=10.0.0.2;proto=http", https),
            ("forwarded", "for=203.0.113.9", Known::Unknown),
            ("forwarded", "for=203.0.113.9;proto=http;proto=https", Known::Unknown),
            ("forwarded", "https", Known::Unknown),
            ("forwarded", "by=_x;for=203.0.113.9;host=\"a;b,c\";proto=http", http),
            ("forwarded", "for=203.0.113.9;x=\"\\\";proto=https\";proto=http", http),
            ("forwarded", "x=\"a;proto=https, for=203.0.113.9;proto=http", http),
            ("forwarded", "x=\"a, for=\"203.0.113.9\";proto=http", http),
            ("x-forwarded-proto", "http:", http),
            ("x-forwarded-proto", "https://", https),
            ("x-forwarded-proto", "gopher", Known::Unknown),
        ] {
            assert_eq!(tls(name, &[(name, value)]), wanted, "{name}: {value}");
        }
        let visitor = r#"{"scheme":"https"}"#;
        assert_eq!(
            tls("cf-visitor", &[("cf-visitor", visitor), ("cf-visitor", visitor)]),
            Known::Unknown
        );
    }

    /// Kind: a field that `check` accepts is never read.
    #[test]
    fn the_client_is_read_from_forwarded() {
        for (value, wanted) in [
            ("for=203.0.113.9;proto=http", Some("203.0.113.9")),
            ("for=\"203.0.113.9:8080\"", Some("203.0.113.9")),
            ("For=\"[2001:db8:cafe::17]:4711\"", Some("2001:db8:cafe::17")),
            ("for=6.6.6.6, for=203.0.113.9, for=10.0.0.2", Some("203.0.113.9")),
            ("for=\"forged, for=203.0.113.9", Some("203.0.113.9")),
            ("for=203.0.113.9, for=unknown", None),
            ("for=203.0.113.9, for=_hidden", None),
            ("proto=https", None),
            ("203.0.113.9", None),
            ("for=1.1.1.1;for=2.2.2.2", None),
        ] {
            assert_eq!(
                peer(&[("forwarded", value)]),
                wanted.map(|text| text.parse().unwrap()),
                "{value}"
            );
        }
        assert_eq!(
            peer(&[("forwarded", "for=6.6.6.6"), ("forwarded", "for=203.0.113.9")]),
            "203.0.113.9".parse().ok()
        );
    }

    #[test]
    fn the_version_of_http_is_read_from_via() {
        for (value, wanted) in [
            ("1.1 vegur", Known::Is(HttpVersion::V1_1)),
            ("1.0 fred, 2.0 abc.cloudfront.net (CloudFront)", Known::Is(HttpVersion::V2)),
            ("HTTP/1.0 old", Known::Is(HttpVersion::V1_0)),
            ("old", Known::Unknown),
        ] {
            let proxies =
                [proxy(ProxyReads { http: Some("via".to_owned()), ..ProxyReads::default() })];
            assert_eq!(
                ProxyFields::new(&proxies[0], &vec![("via", value)], &proxies).http(),
                wanted,
                "{value}"
            );
        }
    }

    #[test]
    fn addresses_are_read_as_proxies_write_them() {
        assert_eq!(address("[2001:db8::1]:99"), "2001:db8::1".parse().ok());
        assert_eq!(address("192.0.2.1:99"), "192.0.2.1".parse().ok());
        assert_eq!(address("2001:db8::1"), "2001:db8::1".parse().ok());
        assert_eq!(address("unknown"), None);
    }
}
