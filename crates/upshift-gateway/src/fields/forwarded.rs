//! The fields that describe the client to the next hop: `Forwarded`, `X-Forwarded-*`, `Via`.
//!
//! Fields that a client sent are overwritten, not appended to; a chain of addresses is kept if a
//! declared proxy sent it.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use http::Version;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use upshift_core::field::list_elements;

/// The gateway's name in `Via` (RFC 9110 §7.6.3 allows a pseudonym).
const PSEUDONYM: &str = "upshift";

const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Appends this gateway to `Via`.
///
/// RFC 9110 §7.6.3: a gateway MUST send `Via` in each request it forwards, and may in responses.
pub(crate) fn add_via(headers: &mut HeaderMap, received: Version) {
    let value = match received {
        Version::HTTP_10 => HeaderValue::from_static("1.0 upshift"),
        Version::HTTP_2 => HeaderValue::from_static("2.0 upshift"),
        Version::HTTP_3 => HeaderValue::from_static("3.0 upshift"),
        _ => HeaderValue::from_static("1.1 upshift"),
    };
    debug_assert!(value.as_bytes().ends_with(PSEUDONYM.as_bytes()));
    headers.append(header::VIA, value);
}

/// The number of times that a request may pass gateways of this name. A chain of gateways is
/// shorter than this, and a loop soon exceeds it.
pub(crate) const MOST_PASSES: usize = 8;

/// Returns true if a request with these lines of `Via` is in a loop: RFC 9110 §7.6.3 has `Via` for "avoiding request loops".
pub(crate) fn is_looping<'v>(via: impl Iterator<Item = &'v [u8]>) -> bool {
    let mut passes = 0;
    for entry in list_elements(via) {
        // `received-protocol RWS received-by [ RWS comment ]`
        let mut words = entry.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        if words.nth(1) == Some(PSEUDONYM.as_bytes()) {
            passes += 1;
        }
    }
    passes >= MOST_PASSES
}

/// The client and its request, as the forwarding fields describe them.
pub(crate) struct ForwardedInfo<'a> {
    /// The peer of the connection.
    pub(crate) peer: SocketAddr,
    /// The client's address, if it is known. It differs from `peer` behind a declared proxy.
    pub(crate) client_ip: Option<IpAddr>,
    /// The list of addresses that a declared proxy sent, if it is trusted.
    pub(crate) chain: Option<&'a HeaderValue>,
    /// The client used `https`; `None` if that is not known, and then no `proto` is sent.
    pub(crate) https: Option<bool>,
    /// The authority that the client asked for; empty if it named none.
    pub(crate) host: &'a HeaderValue,
}

/// Sets `X-Forwarded-*` and `Forwarded` (RFC 7239), in place of those that were received.
pub(crate) fn set_forwarded(headers: &mut HeaderMap, info: &ForwardedInfo<'_>) {
    // On a dual-stack socket, an IPv4 peer has an IPv4-mapped IPv6 address.
    let peer = info.peer.ip().to_canonical();
    let is_proxied = info.client_ip != Some(peer);
    let proto = match info.https {
        Some(true) => Some("https"),
        Some(false) => Some("http"),
        None => None,
    };
    remove_client_forwarded(headers);
    // One buffer for both texts: each value is a copy of its exact length.
    let mut text = String::with_capacity(160);
    push_address_chain(&mut text, info, peer);
    insert_text(headers, HeaderName::from_static("x-forwarded-for"), &text);
    if let Some(proto) = proto {
        headers
            .insert(HeaderName::from_static("x-forwarded-proto"), HeaderValue::from_static(proto));
    }
    if !info.host.is_empty() {
        // The value is shared with `Host`; a copy of the text would be allocated.
        headers.insert(HeaderName::from_static("x-forwarded-host"), info.host.clone());
    }
    let proxy = if is_proxied { Some(peer) } else { None };
    text.clear();
    push_forwarded(&mut text, info, proto, proxy);
    insert_text(headers, header::FORWARDED, &text);
}

/// Appends the value of `X-Forwarded-For`: the addresses before the peer, and the peer's.
fn push_address_chain(text: &mut String, info: &ForwardedInfo<'_>, peer: IpAddr) {
    match (info.chain.map(HeaderValue::to_str), info.client_ip) {
        (Some(Ok(addresses)), _) => text.extend([addresses, ", "]),
        (_, Some(client)) if client != peer => {
            push_address(text, client);
            text.push_str(", ");
        }
        _ => {}
    }
    push_address(text, peer);
}

/// Appends the value of `Forwarded`.
///
/// RFC 7239 §4: an element for the client, and one for the declared proxy, if there is one.
fn push_forwarded(
    value: &mut String,
    info: &ForwardedInfo<'_>,
    proto: Option<&str>,
    proxy: Option<IpAddr>,
) {
    value.push_str("for=");
    match info.client_ip {
        Some(client) => push_node(value, client),
        // RFC 7239 §6.2: the identifier for a client that is not known.
        None => value.push_str("unknown"),
    }
    let host = info.host.to_str().unwrap_or_default();
    if !host.is_empty() {
        value.extend([";host=\"", host, "\""]);
    }
    if let Some(proto) = proto {
        value.extend([";proto=", proto]);
    }
    if let Some(proxy) = proxy {
        value.push_str(", for=");
        push_node(value, proxy);
    }
}

/// Removes the fields by which a client could describe itself.
fn remove_client_forwarded(headers: &mut HeaderMap) {
    // All of them, not only those that are set again: applications also read X-Forwarded-Port,
    // X-Forwarded-Prefix and others.
    let mut names: Vec<HeaderName> = Vec::new();
    for name in headers.keys() {
        if name.as_str().starts_with("x-forwarded-") {
            names.push(name.clone());
        }
    }
    for name in names {
        headers.remove(name);
    }
    headers.remove(X_REAL_IP);
}

fn insert_text(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

/// Appends the node identifier of `address`.
///
/// RFC 7239 §6: an IPv6 address is in brackets, and therefore quoted.
fn push_node(value: &mut String, address: IpAddr) {
    if address.is_ipv4() {
        push_address(value, address);
    } else {
        value.push_str("\"[");
        push_address(value, address);
        value.push_str("]\"");
    }
}

fn push_address(text: &mut String, address: IpAddr) {
    match address {
        // By hand, because most addresses are of IPv4, and `write!` costs ten times as much.
        IpAddr::V4(v4) => {
            let [first, others @ ..] = v4.octets();
            push_octet(text, first);
            for octet in others {
                text.push('.');
                push_octet(text, octet);
            }
        }
        IpAddr::V6(v6) => {
            // Writing to a String cannot fail.
            let _ = write!(text, "{v6}");
        }
    }
}

fn push_octet(text: &mut String, octet: u8) {
    if octet >= 100 {
        text.push(char::from(b'0' + octet / 100));
    }
    if octet >= 10 {
        text.push(char::from(b'0' + octet / 10 % 10));
    }
    text.push(char::from(b'0' + octet % 10));
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use super::*;

    #[test]
    fn forwarding_fields_of_a_client_are_replaced() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-port", "1"),
            ("forwarded", "for=6.6.6.6"),
            ("x-real-ip", "6"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let peer = "[2001:db8::1]:99".parse::<SocketAddr>().unwrap();
        let info = ForwardedInfo {
            peer,
            client_ip: Some(peer.ip()),
            chain: None,
            https: Some(true),
            host: &HeaderValue::from_static("a.example"),
        };
        set_forwarded(&mut headers, &info);
        assert_eq!(headers["x-forwarded-for"], "2001:db8::1");
        assert_eq!(headers["forwarded"], "for=\"[2001:db8::1]\";host=\"a.example\";proto=https");
        assert!(!headers.contains_key("x-forwarded-port") && !headers.contains_key("x-real-ip"));
    }

    #[test]
    fn every_octet_is_written_as_the_standard_library_does() {
        for octet in 0..=255 {
            let address = IpAddr::from([octet, 0, 255 - octet, 10]);
            let mut text = String::new();
            push_address(&mut text, address);
            assert_eq!(text, address.to_string());
        }
    }

    #[test]
    fn a_believed_chain_grows() {
        let mut headers = HeaderMap::new();
        let chain = HeaderValue::from_static("198.51.100.7");
        let info = ForwardedInfo {
            peer: "10.0.0.1:1".parse().unwrap(),
            client_ip: "198.51.100.7".parse().ok(),
            chain: Some(&chain),
            https: Some(false),
            host: &HeaderValue::from_static(""),
        };
        set_forwarded(&mut headers, &info);
        assert_eq!(headers["x-forwarded-for"], "198.51.100.7, 10.0.0.1");
        assert_eq!(headers["forwarded"], "for=198.51.100.7;proto=http, for=10.0.0.1");
    }
}
