//! The protocols that a client offers to switch to, as far as the gateway may tunnel them.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, Method, Version, header};
use hyper::ext::Protocol as ConnectProtocol;
use upshift_core::field::{Protocol, UpgradeList};
use upshift_http::connection_has_option;
use upshift_http1::FieldId;

use crate::local_reply::LocalReply;
use crate::received_request::ReceivedRequest;

/// The mechanism of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OfferedVia {
    /// `Upgrade` on HTTP/1.1, answered by `101` (RFC 9110 §7.8).
    Upgrade,
    /// Extended CONNECT on HTTP/2, answered by `200` (RFC 8441 §4).
    Connect,
}

/// A protocol that the client offered and the gateway may carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TunnelOffer {
    token: Protocol,
    via: OfferedVia,
}

/// An offer that is refused rather than ignored. The client is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BadOffer {
    /// `:protocol` names a protocol that is not tunnelled for this request: 501 (RFC 9220 §3).
    UnknownProtocol(String),
    /// A WebSocket handshake without a valid `Sec-WebSocket-Key`: 400 (RFC 6455 §4.2.1).
    NoKey,
    /// A WebSocket handshake with content, which RFC 6455 §4.1 does not provide for: 400.
    Content,
    /// `Expect: 100-continue` without content: 400 (RFC 9110 §10.1.1). There would be nothing to
    /// continue with after the `100` that RFC 9110 §7.8 requires before a `101`.
    Expectation,
}

impl From<BadOffer> for LocalReply {
    fn from(bad: BadOffer) -> Self {
        match bad {
            BadOffer::UnknownProtocol(name) => Self::Transition(name),
            BadOffer::NoKey => {
                Self::Framing("A WebSocket handshake needs one Sec-WebSocket-Key of 16 bytes.")
            }
            BadOffer::Content => Self::Framing("A WebSocket handshake must not have content."),
            BadOffer::Expectation => {
                Self::Framing("The request expects 100-continue but declares no content.")
            }
        }
    }
}

impl TunnelOffer {
    /// Returns the first offered protocol that is `allowed`. If there is none, the offer is
    /// ignored.
    ///
    /// # Errors
    /// If the offer can neither be accepted nor ignored.
    pub(crate) fn from_request(
        request: &ReceivedRequest<'_>,
        has_content: bool,
        allowed: impl Fn(&Protocol) -> bool,
    ) -> Result<Option<Self>, BadOffer> {
        match connect_protocol(request) {
            Some(name) => match Protocol::parse(name) {
                Ok(token) if allowed(&token) => Ok(Some(Self { token, via: OfferedVia::Connect })),
                _ => Err(BadOffer::UnknownProtocol(name.to_owned())),
            },
            None => Self::from_upgrade(request, has_content, allowed),
        }
    }

    fn from_upgrade(
        request: &ReceivedRequest<'_>,
        has_content: bool,
        allowed: impl Fn(&Protocol) -> bool,
    ) -> Result<Option<Self>, BadOffer> {
        let Some(list) = offered_upgrades(request) else { return Ok(None) };
        let Some(token) = list.protocols().iter().find(|token| allowed(token)).cloned() else {
            return Ok(None);
        };
        let is_websocket = token.is_named("websocket");
        // RFC 6455 §4.1: "The method of the request MUST be GET".
        if is_websocket && request.method != Method::GET {
            return Ok(None);
        }
        if has_content && is_websocket {
            return Err(BadOffer::Content);
        }
        if !has_content && request.fields.has(FieldId::Expect) {
            return Err(BadOffer::Expectation);
        }
        // RFC 6455 §4.2.1: the key is required; without it, nothing would prove that the upstream
        // answers this handshake.
        if is_websocket && !has_valid_key(request.fields.map()) {
            return Err(BadOffer::NoKey);
        }
        Ok(Some(Self { token, via: OfferedVia::Upgrade }))
    }

    /// The protocol.
    pub(crate) fn token(&self) -> &Protocol {
        &self.token
    }

    /// The mechanism of the offer.
    pub(super) fn offered_via(&self) -> OfferedVia {
        self.via
    }

    /// Returns true for a WebSocket.
    pub(super) fn is_websocket(&self) -> bool {
        self.token.is_named("websocket")
    }
}

/// Base64 whose last character may have bits that are not used: not every client clears them.
const KEY_ENCODING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// RFC 6455 §4.2.1: a key is "a base64-encoded […] value that, when decoded, is 16 bytes in length";
/// §11.3.1: the field "MUST NOT appear more than once".
fn has_valid_key(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    match (lines.next(), lines.next()) {
        (Some(key), None) => {
            let decoded = KEY_ENCODING.decode(key.as_bytes().trim_ascii());
            decoded.is_ok_and(|bytes| bytes.len() == 16)
        }
        _ => false,
    }
}

/// The `Upgrade` list of an HTTP/1.1 request, if `Connection` names it too.
///
/// RFC 9110 §7.8: "A server that receives an Upgrade header field in an HTTP/1.0 request MUST
/// ignore that Upgrade field"; §7.6.1: a connection-specific field without its option "ought to be
/// ignored by the recipient".
pub(crate) fn offered_upgrades(request: &ReceivedRequest<'_>) -> Option<UpgradeList> {
    // Most requests lack the field, and need no map of their fields.
    if request.version != Version::HTTP_11
        || !request.fields.has(FieldId::Upgrade)
        || !connection_has_option(request.fields.map(), "upgrade")
    {
        return None;
    }
    upgrade_list(request.fields.map())
}

/// The `Upgrade` lines of a message, taken together; `None` if they are empty or malformed.
pub(super) fn upgrade_list(headers: &HeaderMap) -> Option<UpgradeList> {
    let lines = headers.get_all(header::UPGRADE).iter();
    UpgradeList::parse(lines.map(http::HeaderValue::as_bytes)).ok()
}

fn connect_protocol<'r>(request: &'r ReceivedRequest<'_>) -> Option<&'r str> {
    if request.method != Method::CONNECT {
        return None;
    }
    request.extensions.get::<ConnectProtocol>().map(ConnectProtocol::as_str)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use http::Request;

    use super::*;

    fn received(method: &str, fields: &[(&str, &str)]) -> ReceivedRequest<'static> {
        let mut request = Request::builder().method(method).uri("/chat");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        ReceivedRequest::from_parts(request.body(()).unwrap().into_parts().0)
    }

    fn websocket(token: &Protocol) -> bool {
        token.is_named("websocket")
    }

    #[test]
    fn the_first_allowed_token_of_all_lines_is_taken() {
        let key = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        let fields = [("Connection", "Upgrade"), ("Upgrade", "foo, h2c"), ("Upgrade", "WebSocket")];
        assert_eq!(
            TunnelOffer::from_request(&received("GET", &fields), false, websocket),
            Err(BadOffer::NoKey)
        );
        let request = received("GET", &[&fields[..], &[key]].concat());
        let offer = TunnelOffer::from_request(&request, false, websocket).unwrap().unwrap();
        assert!(offer.is_websocket());
        assert_eq!(offer.offered_via(), OfferedVia::Upgrade);
    }

    /// RFC 6455 §4.2.1, §11.3.1.
    #[test]
    fn a_key_is_16_bytes_and_there_is_one() {
        let offer = [("Connection", "Upgrade"), ("Upgrade", "websocket")];
        // The last bits of the first are not clear, which some clients send.
        let valid = "AQIDBAUGBwgJCgsMDQ4PEC==";
        for (keys, is_valid) in [
            (vec![valid], true),
            (vec![valid, valid], false),
            (vec!["short"], false),
            (vec![""], false),
            (vec!["AQIDBAUGBwgJCgsMDQ4PEBE="], false),
        ] {
            let mut fields = offer.to_vec();
            for key in &keys {
                fields.push(("Sec-WebSocket-Key", key));
            }
            let read = TunnelOffer::from_request(&received("GET", &fields), false, websocket);
            assert_eq!(read.is_ok(), is_valid, "{keys:?}");
        }
    }

    #[test]
    fn what_is_not_an_offer_is_ignored() {
        let upgrade = ("Upgrade", "websocket");
        let connection = ("Connection", "keep-alive, Upgrade");
        assert_eq!(
            TunnelOffer::from_request(&received("GET", &[upgrade]), false, websocket),
            Ok(None),
            "without Connection"
        );
        assert_eq!(
            TunnelOffer::from_request(&received("POST", &[upgrade, connection]), true, websocket),
            Ok(None),
            "a POST"
        );
        let h2c = received("GET", &[("Upgrade", "h2c"), connection]);
        assert_eq!(TunnelOffer::from_request(&h2c, false, websocket), Ok(None), "another token");
        let mut old = received("GET", &[upgrade, connection]);
        old.version = Version::HTTP_10;
        assert_eq!(TunnelOffer::from_request(&old, false, websocket), Ok(None), "HTTP/1.0");
        let malformed = received("GET", &[("Upgrade", "websocket, a b"), connection]);
        assert_eq!(TunnelOffer::from_request(&malformed, false, websocket), Ok(None), "malformed");
    }

    #[test]
    fn content_and_an_empty_expectation_are_refused() {
        let fields =
            [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Expect", "100-continue")];
        assert_eq!(
            TunnelOffer::from_request(&received("GET", &fields), true, websocket),
            Err(BadOffer::Content)
        );
        assert_eq!(
            TunnelOffer::from_request(&received("GET", &fields), false, websocket),
            Err(BadOffer::Expectation)
        );
    }

    #[test]
    fn an_extended_connect_names_one_token() {
        let mut request = received("CONNECT", &[]);
        request.version = Version::HTTP_2;
        request.extensions.insert(ConnectProtocol::from_static("websocket"));
        assert_eq!(
            TunnelOffer::from_request(&request, false, websocket).unwrap().unwrap().offered_via(),
            OfferedVia::Connect
        );
        request.extensions.insert(ConnectProtocol::from_static("connect-udp"));
        assert_eq!(
            TunnelOffer::from_request(&request, false, websocket),
            Err(BadOffer::UnknownProtocol("connect-udp".into()))
        );
    }
}
