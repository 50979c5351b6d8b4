//! The fields that belong to one hop.
//!
//! 1. The fields that `Connection` names, and `Connection` itself, never cross (RFC 9110 §7.6.1).
//! 2. `Upgrade` and `HTTP2-Settings` never cross, named or not: that is how h2c is smuggled past a
//!    policy.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use upshift_core::field::token_elements;

/// The fields that make a message over HTTP/2 or HTTP/3 malformed (RFC 9113 §8.2.2, RFC 9114 §4.2).
pub const CONNECTION_SPECIFIC: [HeaderName; 5] = [
    header::UPGRADE,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// RFC 9110 §7.6.1: to be removed "even when not nominated by Connection".
const HOP_BY_HOP: [HeaderName; 6] = [
    header::UPGRADE,
    header::TRANSFER_ENCODING,
    header::TE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
];

/// Fields that the recipient itself reads after `Connection` has been applied. [`strip_hop_by_hop`]
/// and the framing of the next hop remove them.
const READ_HERE: [&str; 6] =
    ["upgrade", "http2-settings", "te", "host", "content-length", "transfer-encoding"];

/// The number of nominated names that are kept, to be compared with each trailer. A header section
/// of 64 KiB can name thousands.
const MAX_NOMINATED: usize = 256;

/// The fields that a `Connection` names. Of more than 256, every field counts as named.
#[derive(Clone, Debug, Default)]
pub struct Nominated(Vec<HeaderName>);

impl Nominated {
    /// Returns true if `name` is among them.
    pub fn names(&self, name: &HeaderName) -> bool {
        self.0.len() > MAX_NOMINATED || self.0.contains(name)
    }

    fn add_name(&mut self, name: HeaderName) {
        // A peer may repeat a name any number of times.
        if !self.names(&name) {
            self.0.push(name);
        }
    }
}

/// Removes the fields that `Connection` names.
///
/// It is called before anything is decided, because the upstream has to see what the decision was
/// made on.
///
/// RFC 9110 §7.6.1: an intermediary "MUST parse a received Connection header field before a message
/// is forwarded and, for each connection-option in this field, remove any header or trailer
/// field(s) from the message with the same name". The fields in `believed` stay: a declared proxy
/// wrote them, and no client may remove them by naming them.
pub fn remove_nominated(headers: &mut HeaderMap, believed: &[&str]) -> Nominated {
    let mut nominated = Nominated::default();
    // Over HTTP/2 and HTTP/3 no request has the field.
    if !headers.contains_key(header::CONNECTION) {
        return nominated;
    }
    // Copied, because fields are removed while the options are read. The bytes are shared, and for
    // the usual one line no list is allocated.
    let mut all = headers.get_all(header::CONNECTION).iter().cloned();
    let first = all.next();
    let others: Vec<HeaderValue> = all.collect();
    let lines = first.iter().chain(&others);
    for option in token_elements(lines.map(HeaderValue::as_bytes)) {
        // An option that is no field name, such as one with a space, names no field.
        let Ok(name) = HeaderName::from_bytes(option) else { continue };
        if READ_HERE.contains(&name.as_str()) || believed.contains(&name.as_str()) {
            continue;
        }
        headers.remove(&name);
        nominated.add_name(name);
    }
    nominated
}

/// Removes the fields that are for this hop alone (RFC 9110 §7.6.1), whether `Connection` names
/// them or not.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    // Most messages have none, and a look at each name costs less than the search for seven.
    if !headers.keys().any(is_hop_by_hop) {
        return;
    }
    headers.remove(header::CONNECTION);
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Returns true if the field is for one hop alone.
pub fn is_hop_by_hop(name: &HeaderName) -> bool {
    // The lengths of these names: few others have one of them.
    let may_be = matches!(name.as_str().len(), 2 | 7 | 10 | 14 | 16 | 17);
    may_be && (*name == header::CONNECTION || HOP_BY_HOP.contains(name))
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

    /// Catches a name that is missed because of its length.
    #[test]
    fn each_of_them_is_recognized_and_removed() {
        for name in HOP_BY_HOP.into_iter().chain([header::CONNECTION]) {
            assert!(is_hop_by_hop(&name), "{name}");
            let mut headers = map(&[(name.as_str(), "x"), ("accept", "*/*")]);
            strip_hop_by_hop(&mut headers);
            assert_eq!(headers.len(), 1, "{name}");
        }
        assert!(!is_hop_by_hop(&header::USER_AGENT));
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
}
