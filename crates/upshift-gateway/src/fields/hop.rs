//! The fields that belong to one hop.
//!
//! 1. What `Connection` names, and `Connection` itself, never crosses (RFC 9110 §7.6.1).
//! 2. `Upgrade` and `HTTP2-Settings` never cross, named or not: that is how h2c is smuggled past a
//!    policy.

use http::Method;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use upshift_core::field::{elements, plain_elements};

/// RFC 9110 §7.6.1: to be removed "even when not nominated by Connection".
const HOP_BY_HOP: [HeaderName; 6] = [
    header::UPGRADE,
    header::TRANSFER_ENCODING,
    header::TE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
];

/// Fields that this hop itself reads after `Connection` has been applied; [`strip_hop_by_hop`] and
/// the framing of the next hop see to them.
const READ_HERE: [&str; 6] =
    ["upgrade", "http2-settings", "te", "host", "content-length", "transfer-encoding"];

/// As many nominated names are kept to be held against each trailer. A header section of 64 KiB can
/// name thousands.
const MAX_NOMINATED: usize = 256;

/// The fields that a `Connection` names; of more than [`MAX_NOMINATED`], every field is taken to be
/// one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nominated(Vec<HeaderName>);

impl Nominated {
    /// Whether `name` is among them.
    pub(crate) fn names(&self, name: &HeaderName) -> bool {
        self.0.len() > MAX_NOMINATED || self.0.contains(name)
    }

    fn add(&mut self, name: HeaderName) {
        if !self.names(&name) {
            self.0.push(name);
        }
    }
}

/// Removes the fields that `Connection` names, before anything is decided: what is decided on has
/// to be what goes on.
///
/// RFC 9110 §7.6.1: an intermediary "MUST parse a received Connection header field before a message
/// is forwarded and, for each connection-option in this field, remove any header or trailer
/// field(s) from the message with the same name". The fields in `believed` stay: a declared proxy
/// wrote them, and no client may take them away by naming them.
pub(crate) fn remove_nominated(headers: &mut HeaderMap, believed: &[&str]) -> Nominated {
    let mut nominated = Nominated::default();
    if !headers.contains_key(header::CONNECTION) {
        return nominated;
    }
    let lines: Vec<HeaderValue> = headers.get_all(header::CONNECTION).iter().cloned().collect();
    for option in plain_elements(lines.iter().map(HeaderValue::as_bytes)) {
        let Ok(name) = HeaderName::from_bytes(option) else { continue };
        if READ_HERE.contains(&name.as_str()) || believed.contains(&name.as_str()) {
            continue;
        }
        headers.remove(&name);
        nominated.add(name);
    }
    nominated
}

/// Removes what was meant for this hop alone (RFC 9110 §7.6.1), whether `Connection` names it or
/// not.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    headers.remove(header::CONNECTION);
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Whether the field was meant for one hop alone.
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    *name == header::CONNECTION || HOP_BY_HOP.contains(name)
}

/// RFC 9113 §8.2.3: cookie lines "MUST be concatenated into a single octet string using the
/// two-octet delimiter of 0x3b, 0x20 (the ASCII string "; ") before being passed into a non-HTTP/2
/// context".
pub(crate) fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(header::COOKIE).iter().nth(1).is_some() {
        let lines: Vec<&[u8]> =
            headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
        if let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..])) {
            headers.insert(header::COOKIE, joined);
        }
    }
}

/// How often a TRACE or OPTIONS may still be forwarded (RFC 9110 §7.6.2); `None` where it does not
/// say.
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
    plain_elements(lines).any(|have| have.eq_ignore_ascii_case(option.as_bytes()))
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
        remove_nominated(&mut headers, &[]);
        strip_hop_by_hop(&mut headers);
        assert_eq!(headers.len(), 2);
        assert_eq!(headers["x-three"], "3");
        assert_eq!(headers["content-length"], "5");
    }

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
        remove_nominated(&mut headers, &[]);
        assert!(!headers.contains_key("x-api-version"));
        assert_eq!(headers.len(), 4);
        strip_hop_by_hop(&mut headers);
        assert_eq!((headers.len(), &headers["host"]), (1, &HeaderValue::from_static("a.example")));
    }

    /// However many options stand in front of it, each is applied.
    #[test]
    fn every_option_is_applied() {
        let options: Vec<String> = (0..300).map(|number| format!("x-{number}")).collect();
        let mut headers = map(&[("connection", &options.join(",")), ("x-299", "1")]);
        let nominated = remove_nominated(&mut headers, &[]);
        assert!(
            !headers.contains_key("x-299") && nominated.names(&HeaderName::from_static("x-299"))
        );
    }

    #[test]
    fn what_a_declared_proxy_wrote_cannot_be_taken_away() {
        let mut headers = map(&[
            ("connection", "x-forwarded-proto, x-other"),
            ("x-forwarded-proto", "http"),
            ("x-other", "1"),
        ]);
        remove_nominated(&mut headers, &["x-forwarded-proto"]);
        assert!(headers.contains_key("x-forwarded-proto") && !headers.contains_key("x-other"));
    }

    /// RFC 9113 §3.1 made h2c obsolete; a split offer must not slip through.
    #[test]
    fn offers_to_switch_do_not_cross_even_unnamed() {
        let mut headers = map(&[
            ("upgrade", "foo, h2c"),
            ("upgrade", "bar"),
            ("http2-settings", "AAMAAABkAAQ"),
            ("te", "gzip"),
        ]);
        strip_hop_by_hop(&mut headers);
        assert!(headers.is_empty());
    }

    /// RFC 9110 §10.1.4.
    #[test]
    fn trailers_are_asked_for_hop_by_hop() {
        assert!(accepts_trailers(&map(&[("te", "gzip;q=0.5, Trailers")])));
        assert!(!accepts_trailers(&map(&[("te", "gzip")])));
    }
}
