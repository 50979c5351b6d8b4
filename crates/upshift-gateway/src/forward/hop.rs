//! The fields that belong to one hop, and those that a hop adds.
//!
//! 1. What `Connection` names, and `Connection` itself, never crosses (RFC 9110 §7.6.1).
//! 2. `Upgrade` and `HTTP2-Settings` never cross, named or not: that is how h2c is smuggled past a policy.
//! 3. Forwarding fields of others are replaced, never trusted on.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Version};
use upshift_core::field::elements;

/// How the gateway calls itself in `Via` (RFC 9110 §7.6.3 allows a pseudonym).
const PSEUDONYM: &str = "upshift";

/// RFC 9110 §7.6.1: to be removed "even when not nominated by Connection".
const HOP_BY_HOP: [HeaderName; 6] = [
    header::UPGRADE,
    header::TRANSFER_ENCODING,
    header::TE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
];

/// Removes the fields that `Connection` names, before anything is decided: what is decided on has to be what goes on.
///
/// RFC 9110 §7.6.1: an intermediary "MUST parse a received Connection header field before a message is forwarded and, for
/// each connection-option in this field, remove any header or trailer field(s) from the message with the same name".
/// Those that this hop itself reads stay until then; [`strip`] takes them.
pub(crate) fn withdraw(headers: &mut HeaderMap) {
    const READ_HERE: [&str; 6] = ["upgrade", "http2-settings", "te", "host", "content-length", "transfer-encoding"];
    let lines: Vec<HeaderValue> = headers.get_all(header::CONNECTION).iter().cloned().collect();
    for option in elements(lines.iter().map(HeaderValue::as_bytes)) {
        if let Ok(name) = HeaderName::from_bytes(option)
            && !READ_HERE.contains(&name.as_str())
        {
            headers.remove(name);
        }
    }
}

/// Removes what was meant for this hop alone.
///
/// The codec has framed the message already, and `Host` is written anew from the authority that was decided on: so
/// naming `Content-Length` or `Host` in `Connection` gains nobody anything.
pub(crate) fn strip(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let lines: Vec<HeaderValue> = headers.get_all(header::CONNECTION).iter().cloned().collect();
        for option in elements(lines.iter().map(HeaderValue::as_bytes)) {
            // Both are needed until the request is framed and its authority decided on.
            if [&b"content-length"[..], b"host"].iter().any(|kept| option.eq_ignore_ascii_case(kept)) {
                continue;
            }
            if let Ok(name) = HeaderName::from_bytes(option) {
                headers.remove(name);
            }
        }
        headers.remove(header::CONNECTION);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// RFC 9113 §8.2.3: cookie lines "MUST be concatenated into a single octet string using the two-octet delimiter of 0x3b,
/// 0x20 (the ASCII string "; ") before being passed into a non-HTTP/2 context".
pub(crate) fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(header::COOKIE).iter().nth(1).is_some() {
        let lines: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
        if let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..])) {
            headers.insert(header::COOKIE, joined);
        }
    }
}

/// How often a TRACE or OPTIONS may still be forwarded (RFC 9110 §7.6.2); `None` where it does not say.
pub(crate) fn forwards_left(method: &Method, headers: &HeaderMap) -> Option<u64> {
    let limited = [Method::TRACE, Method::OPTIONS].contains(method);
    headers.get(header::MAX_FORWARDS).filter(|_| limited)?.to_str().ok()?.trim().parse().ok()
}

/// RFC 9110 §7.6.2: an intermediary that forwards it MUST send one less.
pub(crate) fn count_down(method: &Method, headers: &mut HeaderMap) {
    if let Some(left) = forwards_left(method, headers) {
        headers.insert(header::MAX_FORWARDS, HeaderValue::from(left.saturating_sub(1)));
    }
}

/// Whether `Connection`, its lines read jointly, has `option` (RFC 9110 §7.6.1).
pub(crate) fn connection_names(headers: &HeaderMap, option: &str) -> bool {
    let lines = headers.get_all(header::CONNECTION).iter().map(HeaderValue::as_bytes);
    elements(lines).any(|have| have.eq_ignore_ascii_case(option.as_bytes()))
}

/// Whether the sender of `headers` takes trailers (RFC 9110 §10.1.4).
pub(crate) fn accepts_trailers(headers: &HeaderMap) -> bool {
    elements(headers.get_all(header::TE).iter().map(HeaderValue::as_bytes)).any(|coding| {
        let name = coding.split(|&byte| byte == b';').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(b"trailers")
    })
}

/// Asks the next hop for trailers, as this hop's own wish.
pub(crate) fn accept_trailers(headers: &mut HeaderMap, http2: bool) {
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    if !http2 {
        // RFC 9110 §10.1.4: "A sender of TE MUST also send a "TE" connection option".
        headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
    }
}

/// RFC 9110 §7.6.3: a gateway MUST send `Via` in each request it forwards, and may in answers.
pub(crate) fn via(headers: &mut HeaderMap, received: Version) {
    let value = match received {
        Version::HTTP_10 => HeaderValue::from_static("1.0 upshift"),
        Version::HTTP_2 => HeaderValue::from_static("2.0 upshift"),
        Version::HTTP_3 => HeaderValue::from_static("3.0 upshift"),
        _ => HeaderValue::from_static("1.1 upshift"),
    };
    debug_assert!(value.as_bytes().ends_with(PSEUDONYM.as_bytes()));
    headers.append(header::VIA, value);
}

/// What the next hop is told of the client.
pub(crate) struct Told<'a> {
    /// The other end of the connection.
    pub(crate) hop: SocketAddr,
    /// The client, where a declared proxy stands between.
    pub(crate) client: IpAddr,
    /// The list of addresses that the declared proxy sent, if it is believed.
    pub(crate) chain: Option<&'a HeaderValue>,
    /// The client used `https`.
    pub(crate) https: bool,
    /// The authority that was asked.
    pub(crate) host: &'a str,
}

/// Writes `X-Forwarded-*` and `Forwarded` (RFC 7239), in place of whatever was there.
pub(crate) fn tell(headers: &mut HeaderMap, told: &Told<'_>) {
    let hop = told.hop.ip().to_canonical();
    let between = told.client != hop;
    let addresses = match told.chain.and_then(|chain| chain.to_str().ok()) {
        Some(chain) => format!("{chain}, {hop}"),
        None if between => format!("{}, {hop}", told.client),
        None => hop.to_string(),
    };
    let proto = if told.https { "https" } else { "http" };
    forget(headers);
    set(headers, HeaderName::from_static("x-forwarded-for"), &addresses);
    headers.insert(HeaderName::from_static("x-forwarded-proto"), HeaderValue::from_static(proto));
    if !told.host.is_empty() {
        set(headers, HeaderName::from_static("x-forwarded-host"), told.host);
    }
    set(headers, header::FORWARDED, &forwarded(told, proto, between.then_some(hop)));
}

/// RFC 7239 §4: an element for the client, and one for the declared proxy between us, if there is one.
fn forwarded(told: &Told<'_>, proto: &str, proxy: Option<IpAddr>) -> String {
    let mut value = String::with_capacity(96);
    value.push_str("for=");
    push_node(&mut value, told.client);
    if !told.host.is_empty() {
        value.extend([";host=\"", told.host, "\""]);
    }
    value.extend([";proto=", proto]);
    if let Some(proxy) = proxy {
        value.push_str(", for=");
        push_node(&mut value, proxy);
    }
    value
}

/// Removes what others say of the client.
fn forget(headers: &mut HeaderMap) {
    let others: Vec<HeaderName> = headers
        .keys()
        // RFC 3875 §4.1.18: to a CGI program `X_Forwarded_For` is `X-Forwarded-For`.
        .filter(|name| {
            let hyphened = name.as_str().replace('_', "-");
            let written =
                ["x-real-ip", "forwarded", "via", "x-request-id", "transfer-encoding", "content-length", "host"];
            hyphened.starts_with("x-forwarded-")
                || **name == "x-real-ip"
                || hyphened != name.as_str() && written.contains(&hyphened.as_str())
        })
        .cloned()
        .collect();
    for name in others {
        headers.remove(name);
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
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

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        map
    }

    /// RFC 9110 §7.6.1.
    #[test]
    fn what_connection_names_does_not_cross() {
        let mut headers = map(&[
            ("connection", "x-one, , X-Two"),
            ("connection", "close, content-length"),
            ("x-one", "1"),
            ("x-two", "2"),
            ("x-three", "3"),
            ("content-length", "5"),
        ]);
        strip(&mut headers);
        assert_eq!(headers.len(), 2);
        assert_eq!(headers["x-three"], "3");
        assert_eq!(headers["content-length"], "5");
    }

    /// RFC 9113 §3.1 made h2c obsolete; a split offer must not slip through.
    /// RFC 9110 §7.6.1: a field that is named does not go on, so the policy may not see it either.
    #[test]
    fn what_connection_names_is_gone_before_anything_is_decided() {
        let mut headers = map(&[
            ("connection", "upgrade, HTTP2-Settings, X-Api-Version, host"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAMAAABkAAQ"),
            ("x-api-version", "2.0"),
            ("host", "a.example"),
        ]);
        withdraw(&mut headers);
        assert!(!headers.contains_key("x-api-version"));
        assert_eq!(headers.len(), 4);
        strip(&mut headers);
        assert_eq!((headers.len(), &headers["host"]), (1, &HeaderValue::from_static("a.example")));
    }

    #[test]
    fn offers_to_switch_do_not_cross_even_unnamed() {
        let mut headers =
            map(&[("upgrade", "foo, h2c"), ("upgrade", "bar"), ("http2-settings", "AAMAAABkAAQ"), ("te", "gzip")]);
        strip(&mut headers);
        assert!(headers.is_empty());
    }

    #[test]
    fn others_tales_are_replaced() {
        let mut headers =
            map(&[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-port", "1"), ("forwarded", "for=6.6.6.6")]);
        let hop = "[2001:db8::1]:99".parse::<SocketAddr>().unwrap();
        tell(&mut headers, &Told { hop, client: hop.ip(), chain: None, https: true, host: "a.example" });
        assert_eq!(headers["x-forwarded-for"], "2001:db8::1");
        assert_eq!(headers["forwarded"], "for=\"[2001:db8::1]\";host=\"a.example\";proto=https");
        assert!(!headers.contains_key("x-forwarded-port"));
    }

    #[test]
    fn a_believed_chain_grows() {
        let mut headers = HeaderMap::new();
        let chain = HeaderValue::from_static("198.51.100.7");
        let told = Told {
            hop: "10.0.0.1:1".parse().unwrap(),
            client: "198.51.100.7".parse().unwrap(),
            chain: Some(&chain),
            https: false,
            host: "",
        };
        tell(&mut headers, &told);
        assert_eq!(headers["x-forwarded-for"], "198.51.100.7, 10.0.0.1");
        assert_eq!(headers["forwarded"], "for=198.51.100.7;proto=http, for=10.0.0.1");
    }

    /// RFC 9110 §10.1.4.
    #[test]
    fn trailers_are_asked_for_hop_by_hop() {
        assert!(accepts_trailers(&map(&[("te", "gzip;q=0.5, Trailers")])));
        assert!(!accepts_trailers(&map(&[("te", "gzip")])));
    }
}
