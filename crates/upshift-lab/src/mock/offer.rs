//! Offers to switch that a peer knows.

use upshift_record::{Lane, RecordedRequest};

/// An offer in `Upgrade`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offer<'a> {
    /// The lane that the offer makes of the request.
    pub(crate) lane: Lane,
    /// The offer as it was written.
    pub(crate) protocol: &'a [u8],
}

/// The first offer of a request that is known.
///
/// RFC 9110 §7.8: an offer in HTTP/1.0 is ignored, and one that `Connection` does not name is for
/// another hop. A protocol for cleartext is none inside TLS.
pub(crate) fn first_offer(request: &RecordedRequest, in_tls: bool) -> Option<Offer<'_>> {
    if matches!(request.version.as_str(), "0.9" | "1.0") {
        return None;
    }
    let is_named = list_members(request, "Connection")
        .into_iter()
        .any(|option| option.eq_ignore_ascii_case(b"upgrade"));
    if !is_named {
        return None;
    }
    for protocol in list_members(request, "Upgrade") {
        let name = protocol.split(|octet| *octet == b'/').next().unwrap_or_default();
        let lane = match name.to_ascii_lowercase().as_slice() {
            b"websocket" => Lane::WebSocket,
            b"h2c" if !in_tls => Lane::H2cUpgrade,
            b"tls" if !in_tls => Lane::TlsInBand,
            _ => continue,
        };
        return Some(Offer { lane, protocol });
    }
    None
}

/// The members of the list in all fields called `name`.
fn list_members<'a>(request: &'a RecordedRequest, name: &str) -> Vec<&'a [u8]> {
    let mut members = Vec::new();
    for field in &request.fields {
        if field.0.eq_ignore_ascii_case(name) {
            let elements = field.1.as_bytes().split(|octet| *octet == b',');
            members.extend(elements.map(<[u8]>::trim_ascii));
        }
    }
    members
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;
    use crate::lenient_http1::LenientHead;

    fn lane_of(version: &str, fields: &str, in_tls: bool) -> Option<Lane> {
        let octets = format!("GET / HTTP/{version}\r\n{fields}\r\n\r\n");
        let request = LenientHead::read(octets.as_bytes()).unwrap().to_request();
        first_offer(&request, in_tls).map(|offer| offer.lane)
    }

    #[test]
    fn the_first_known_offer_counts() {
        let both = "Connection: a, UPGRADE\r\nUpgrade: derp, H2C\r\nUpgrade: TLS/1.2";
        assert_eq!(lane_of("1.1", both, false), Some(Lane::H2cUpgrade));
        assert_eq!(lane_of("1.1", both, true), None);
        assert_eq!(lane_of("1.0", both, false), None);
        assert_eq!(lane_of("1.1", "Upgrade: h2c", false), None);
        let websocket = "Connection: upgrade\r\nUpgrade: websocket";
        assert_eq!(lane_of("1.1", websocket, true), Some(Lane::WebSocket));
    }
}
