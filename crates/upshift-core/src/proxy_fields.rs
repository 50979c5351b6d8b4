//! The facts about the client that a declared proxy reports, in the fields that its `reads` names.
//!
//! 1. A list is read from its end, which the nearest hop wrote.
//! 2. Each field has its own form: `Forwarded` (RFC 7239) and `Via` by their names, the object of
//!    `CF-Visitor` by its brace, every other value as a plain word or version.
//! 3. Of the elements of `Forwarded`, the last one whose `for` is not a declared proxy is about the
//!    client.

use std::net::IpAddr;

use crate::facts::{Fields, HttpVersion, Known, TlsState, TlsVersion};
use crate::field::{quoted_parts, token_elements};
use crate::proxy::{Proxy, ProxyReads, declared_proxy};

const FORWARDED: &str = "forwarded";

/// The fields of a proxy in one request.
pub(crate) struct ProxyFields<'h> {
    reads: &'h ProxyReads,
    fields: &'h dyn Fields,
    proxies: &'h [Proxy],
}

impl<'h> ProxyFields<'h> {
    pub(crate) fn new(proxy: &'h Proxy, fields: &'h dyn Fields, proxies: &'h [Proxy]) -> Self {
        Self { reads: &proxy.reads, fields, proxies }
    }

    /// Returns true if any of the fields is present.
    pub(crate) fn are_present(&self) -> bool {
        self.reads.names().any(|name| self.fields.has(name))
    }

    /// Returns true if one of the fields that report the protection of the client's connection is
    /// present.
    pub(crate) fn mention_protection(&self) -> bool {
        let names = [&self.reads.scheme, &self.reads.tls];
        names.into_iter().flatten().any(|name| self.fields.has(name))
    }

    /// The version of HTTP that the client speaks.
    pub(crate) fn http(&self) -> Known<HttpVersion> {
        let Some(name) = &self.reads.http else { return Known::Unknown };
        let Some(last) = self.last_member(name) else { return Known::Unknown };
        // RFC 9110 §7.6.3: `Via` names the version in which the message was received, then the
        // recipient.
        let version = match name.as_str() {
            "via" => last.split_whitespace().next().unwrap_or_default(),
            _ => last,
        };
        match HttpVersion::parse(version) {
            Some(version) => Known::Is(version),
            None => Known::Unknown,
        }
    }

    /// The protection of the client's connection.
    pub(crate) fn tls(&self) -> Known<TlsState> {
        if let Some(name) = &self.reads.tls
            && let Some(text) = self.last_member(name)
            && let Some(version) = TlsVersion::parse(text)
        {
            return Known::Is(TlsState::Version(version));
        }
        // A version that cannot be read leaves the scheme, which may still say `https`.
        let Some(name) = &self.reads.scheme else { return Known::Unknown };
        match self.is_https(name) {
            Some(true) => Known::Is(TlsState::SomeVersion),
            Some(false) => Known::Is(TlsState::Cleartext),
            None => Known::Unknown,
        }
    }

    /// The client's address: the last member of the list that is not a declared proxy. A member
    /// that is not an address ends the search: nothing before it can be trusted.
    pub(crate) fn client_ip(&self) -> Option<IpAddr> {
        let name = self.reads.peer.as_deref()?;
        if name == FORWARDED {
            return parse_address(self.client_element()?.node?);
        }
        let mut nearest = None;
        for member in self.list_members(name).into_iter().rev() {
            let address = parse_address(std::str::from_utf8(member).ok()?)?;
            // If all members are declared proxies, the farthest of them sent the request.
            nearest = Some(address);
            if !self.is_declared(address) {
                break;
            }
        }
        nearest
    }

    /// Returns true if the client used `https`, as far as the field can be read.
    fn is_https(&self, name: &str) -> Option<bool> {
        if name == FORWARDED {
            return parse_scheme(self.client_element()?.proto?);
        }
        let mut lines = self.fields.all(name);
        // `CF-Visitor: {"scheme":"https"}`. With several lines it is unclear which one counts, and
        // as a word a line that begins with a brace says nothing.
        if let (Some(line), None) = (lines.next(), lines.next())
            && line.starts_with(b"{")
        {
            let visitor: serde_json::Value = serde_json::from_slice(line).ok()?;
            return parse_scheme(visitor.get("scheme")?.as_str()?);
        }
        parse_scheme(self.last_member(name)?)
    }

    /// The element of `Forwarded` that is about the client.
    fn client_element(&self) -> Option<ForwardedElement<'h>> {
        let mut nearest = None;
        for member in self.forwarded_members().into_iter().rev() {
            let element = ForwardedElement::parse(std::str::from_utf8(member).ok()?)?;
            nearest = Some(element);
            // `unknown` and obfuscated nodes (RFC 7239 §6.2, §6.3) are no declared proxies.
            match element.node.and_then(parse_address) {
                Some(address) if self.is_declared(address) => {}
                _ => break,
            }
        }
        nearest
    }

    fn is_declared(&self, address: IpAddr) -> bool {
        declared_proxy(address, self.proxies).is_some()
    }

    /// The elements of the field `name`, its lines read jointly.
    fn list_members(&self, name: &str) -> Vec<&'h [u8]> {
        token_elements(self.fields.all(name)).collect()
    }

    /// The elements of `Forwarded`, its lines read jointly.
    fn forwarded_members(&self) -> Vec<&'h [u8]> {
        let mut members = Vec::new();
        for line in self.fields.all(FORWARDED) {
            // RFC 7239 §4: a value may be a quoted string, with commas in it. Where a quote is not
            // closed, the line is split without regard to quotes: otherwise a client could open
            // one that swallows what the proxy appended.
            match quoted_parts(line, b',') {
                Some(elements) => members.extend(elements),
                None => members.extend(token_elements([line].into_iter())),
            }
        }
        members
    }

    /// The last member of the list, which the nearest hop wrote.
    fn last_member(&self, name: &str) -> Option<&'h str> {
        std::str::from_utf8(self.list_members(name).pop()?).ok()
    }
}

/// One element of `Forwarded` (RFC 7239 §4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ForwardedElement<'h> {
    /// `for`: the node that sent the request to the proxy.
    node: Option<&'h str>,
    /// `proto`: the scheme that it used.
    proto: Option<&'h str>,
}

impl<'h> ForwardedElement<'h> {
    /// Parses an element; `None` if it is malformed.
    fn parse(text: &'h str) -> Option<Self> {
        let mut element = Self::default();
        let pairs = match quoted_parts(text.as_bytes(), b';') {
            Some(pairs) => pairs,
            // As in `forwarded_members`: an unclosed quote must not swallow what follows it.
            None => text.as_bytes().split(|byte| *byte == b';').collect(),
        };
        for bytes in pairs {
            // Split at ASCII, so every part is UTF-8.
            let pair = std::str::from_utf8(bytes).ok()?.trim();
            if pair.is_empty() {
                continue;
            }
            let (name, value) = pair.split_once('=')?;
            let known = match name.trim().to_ascii_lowercase().as_str() {
                "for" => &mut element.node,
                "proto" => &mut element.proto,
                _ => continue,
            };
            // RFC 7239 §4: each parameter MUST NOT occur more than once.
            if known.replace(value.trim().trim_matches('"')).is_some() {
                return None;
            }
        }
        Some(element)
    }
}

/// Returns true for the words by which `X-Forwarded-Proto`, `X-Forwarded-Ssl`, `Front-End-Https`,
/// `Fastly-SSL` and `X-Forwarded-Port` say `https`, false for those that say `http`.
fn parse_scheme(word: &str) -> Option<bool> {
    let lower = word.trim().trim_matches('"').to_ascii_lowercase();
    // `http:` and `https://`, like `protocol` and `origin` of a script's location.
    let bare = match (lower.strip_suffix("://"), lower.strip_suffix(':')) {
        (Some(bare), _) | (None, Some(bare)) => bare,
        (None, None) => &lower,
    };
    match bare {
        "https" | "wss" | "on" | "true" | "yes" | "1" | "ssl" | "443" => Some(true),
        "http" | "ws" | "off" | "false" | "no" | "0" | "80" => Some(false),
        _ => None,
    }
}

/// Parses an address as proxies write it: with or without brackets, with or without a port.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = text.trim().trim_matches('"');
    if let Some(rest) = bare.strip_prefix('[') {
        return rest.split(']').next()?.parse().ok();
    }
    if let Ok(address) = bare.parse() {
        return Some(address);
    }
    // Only now, because an IPv6 address without brackets has colons of its own.
    let (host, _port) = bare.rsplit_once(':')?;
    host.parse().ok()
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
        ProxyFields::new(&proxies[0], &lines.to_vec(), &proxies).client_ip()
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
        assert_eq!(parse_address("[2001:db8::1]:99"), "2001:db8::1".parse().ok());
        assert_eq!(parse_address("192.0.2.1:99"), "192.0.2.1".parse().ok());
        assert_eq!(parse_address("2001:db8::1"), "2001:db8::1".parse().ok());
        assert_eq!(parse_address("unknown"), None);
    }
}
