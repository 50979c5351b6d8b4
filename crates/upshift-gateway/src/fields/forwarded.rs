//! The fields that tell the next hop of the client: `Forwarded`, `X-Forwarded-*`, `Via`.
//!
//! Those of others are replaced; a chain of addresses is kept where a declared proxy sent it.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use http::Version;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use upshift_core::field::elements;

/// The gateway's name in `Via` (RFC 9110 §7.6.3 allows a pseudonym).
const PSEUDONYM: &str = "upshift";

/// RFC 9110 §7.6.3: a gateway MUST send `Via` in each request it forwards, and may in answers.
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

/// As often a request may pass a gateway of this name. Gateways in a row are fewer; a loop is
/// longer.
pub(crate) const MOST_PASSES: usize = 8;

/// Tells whether a request goes round in circles: RFC 9110 §7.6.3 has `Via` for "avoiding request
/// loops".
pub(crate) fn is_looping(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::VIA).iter().map(HeaderValue::as_bytes);
    let ours = elements(lines).filter(|hop| {
        let mut words = hop.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.nth(1) == Some(PSEUDONYM.as_bytes())
    });
    ours.count() >= MOST_PASSES
}

/// What is known of the client.
pub(crate) struct ForwardedInfo<'a> {
    /// The other end of the connection.
    pub(crate) hop: SocketAddr,
    /// The client, if it is known: a declared proxy may stand between.
    pub(crate) client: Option<IpAddr>,
    /// The list of addresses that the declared proxy sent, if it is believed.
    pub(crate) chain: Option<&'a HeaderValue>,
    /// The client used `https`; `None` if it is not known, and then nothing is said of it.
    pub(crate) https: Option<bool>,
    /// The authority that was asked.
    pub(crate) host: &'a str,
}

/// Writes `X-Forwarded-*` and `Forwarded` (RFC 7239) in place of those that were sent.
pub(crate) fn set_forwarded(headers: &mut HeaderMap, told: &ForwardedInfo<'_>) {
    let hop = told.hop.ip().to_canonical();
    let between = told.client != Some(hop);
    let addresses = match told.chain.and_then(|chain| chain.to_str().ok()) {
        Some(chain) => format!("{chain}, {hop}"),
        None => match told.client.filter(|_| between) {
            Some(client) => format!("{client}, {hop}"),
            None => hop.to_string(),
        },
    };
    let proto = told.https.map(|https| if https { "https" } else { "http" });
    remove_client_forwarded(headers);
    insert_text(headers, HeaderName::from_static("x-forwarded-for"), &addresses);
    if let Some(proto) = proto {
        headers
            .insert(HeaderName::from_static("x-forwarded-proto"), HeaderValue::from_static(proto));
    }
    if !told.host.is_empty() {
        insert_text(headers, HeaderName::from_static("x-forwarded-host"), told.host);
    }
    insert_text(headers, header::FORWARDED, &forwarded(told, proto, between.then_some(hop)));
}

/// RFC 7239 §4: an element for the client, and one for the declared proxy between us, if there is
/// one.
fn forwarded(told: &ForwardedInfo<'_>, proto: Option<&str>, proxy: Option<IpAddr>) -> String {
    let mut value = String::with_capacity(96);
    value.push_str("for=");
    match told.client {
        Some(client) => push_node(&mut value, client),
        // RFC 7239 §6.2.
        None => value.push_str("unknown"),
    }
    if !told.host.is_empty() {
        value.extend([";host=\"", told.host, "\""]);
    }
    if let Some(proto) = proto {
        value.extend([";proto=", proto]);
    }
    if let Some(proxy) = proxy {
        value.push_str(", for=");
        push_node(&mut value, proxy);
    }
    value
}

/// Removes what the client says of itself.
fn remove_client_forwarded(headers: &mut HeaderMap) {
    let names = headers.keys().filter(|name| name.as_str().starts_with("x-forwarded-"));
    let names: Vec<HeaderName> = names.cloned().collect();
    for name in names {
        headers.remove(name);
    }
    headers.remove("x-real-ip");
}

fn insert_text(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// RFC 7239 §6: IPv6 in brackets, and therefore quoted.
fn push_node(value: &mut String, address: IpAddr) {
    // Writing into a string cannot fail.
    let _ = match address {
        IpAddr::V4(v4) => write!(value, "{v4}"),
        IpAddr::V6(v6) => write!(value, "\"[{v6}]\""),
    };
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
        let hop = "[2001:db8::1]:99".parse::<SocketAddr>().unwrap();
        let info = ForwardedInfo {
            hop,
            client: Some(hop.ip()),
            chain: None,
            https: Some(true),
            host: "a.example",
        };
        set_forwarded(&mut headers, &info);
        assert_eq!(headers["x-forwarded-for"], "2001:db8::1");
        assert_eq!(headers["forwarded"], "for=\"[2001:db8::1]\";host=\"a.example\";proto=https");
        assert!(!headers.contains_key("x-forwarded-port") && !headers.contains_key("x-real-ip"));
    }

    #[test]
    fn a_believed_chain_grows() {
        let mut headers = HeaderMap::new();
        let chain = HeaderValue::from_static("198.51.100.7");
        let info = ForwardedInfo {
            hop: "10.0.0.1:1".parse().unwrap(),
            client: "198.51.100.7".parse().ok(),
            chain: Some(&chain),
            https: Some(false),
            host: "",
        };
        set_forwarded(&mut headers, &info);
        assert_eq!(headers["x-forwarded-for"], "198.51.100.7, 10.0.0.1");
        assert_eq!(headers["forwarded"], "for=198.51.100.7;proto=http, for=10.0.0.1");
    }
}
