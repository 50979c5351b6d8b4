//! What a client offers to switch to, as far as the gateway will tunnel it.

use http::{HeaderMap, Method, Version, header, request};
use hyper::ext::Protocol as ConnectProtocol;
use upshift_core::field::{Protocol, UpgradeList};
use upshift_http::connection_has_option;

use crate::local_reply::Fault;

/// How the client asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// `Upgrade` on HTTP/1.1, answered by `101` (RFC 9110 §7.8).
    Upgrade,
    /// Extended CONNECT on HTTP/2, answered by `200` (RFC 8441 §4).
    Connect,
}

/// A protocol that the client offered and the gateway may carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    token: Protocol,
    door: Door,
}

/// An offer that is refused rather than ignored. The client is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BadOffer {
    /// `:protocol` names what this gateway does not carry here: 501 (RFC 9220 §3).
    UnknownProtocol(String),
    /// A WebSocket handshake without `Sec-WebSocket-Key`: 400 (RFC 6455 §4.2.1).
    NoKey,
    /// A WebSocket handshake with content, which RFC 6455 §4.1 has no room for: 400.
    Content,
    /// `Expect: 100-continue` where there is no content to go on with: 400 (RFC 9110 §10.1.1), for
    /// the `100` that RFC 9110 §7.8 demands before a `101` would have nothing to release.
    Expectation,
}

impl From<BadOffer> for Fault {
    fn from(bad: BadOffer) -> Self {
        match bad {
            BadOffer::UnknownProtocol(name) => Self::Transition(name),
            BadOffer::NoKey => Self::Framing("A WebSocket handshake has a Sec-WebSocket-Key."),
            BadOffer::Content => Self::Framing("A WebSocket handshake has no content."),
            BadOffer::Expectation => {
                Self::Framing("100-continue is expected, but no content is announced.")
            }
        }
    }
}

impl Offer {
    /// The first protocol offered that is `allowed`; `None` if there is none, and the request is
    /// served as it is.
    ///
    /// # Errors
    /// If what is asked can neither be done nor be ignored.
    pub(crate) fn read(
        request: &request::Parts,
        has_content: bool,
        allowed: impl Fn(&Protocol) -> bool,
    ) -> Result<Option<Self>, BadOffer> {
        match connect_protocol(request) {
            Some(name) => match Protocol::parse(name) {
                Ok(token) if allowed(&token) => Ok(Some(Self { token, door: Door::Connect })),
                _ => Err(BadOffer::UnknownProtocol(name.to_owned())),
            },
            None => Self::upgrade(request, has_content, allowed),
        }
    }

    fn upgrade(
        request: &request::Parts,
        has_content: bool,
        allowed: impl Fn(&Protocol) -> bool,
    ) -> Result<Option<Self>, BadOffer> {
        let Some(token) = offered(request)
            .and_then(|list| list.protocols().iter().find(|token| allowed(token)).cloned())
        else {
            return Ok(None);
        };
        let websocket = token.is("websocket");
        // RFC 6455 §4.1: "The method of the request MUST be GET".
        if websocket && request.method != Method::GET {
            return Ok(None);
        }
        match has_content {
            true if websocket => Err(BadOffer::Content),
            false if request.headers.contains_key(header::EXPECT) => Err(BadOffer::Expectation),
            // RFC 6455 §4.2.1: without a key nothing shows that the upstream answers this
            // handshake.
            false if websocket && !request.headers.contains_key(header::SEC_WEBSOCKET_KEY) => {
                Err(BadOffer::NoKey)
            }
            _ => Ok(Some(Self { token, door: Door::Upgrade })),
        }
    }

    /// The protocol.
    pub(crate) fn token(&self) -> &Protocol {
        &self.token
    }

    /// How it was asked for.
    pub(super) fn door(&self) -> Door {
        self.door
    }

    /// Whether it is a WebSocket.
    pub(super) fn is_websocket(&self) -> bool {
        self.token.is("websocket")
    }
}

/// The `Upgrade` list of an HTTP/1.1 request that also says so in `Connection`.
///
/// RFC 9110 §7.8: "A server MUST ignore an Upgrade header field that is received in an HTTP/1.0
/// request"; §7.6.1: a connection-specific field without its option "ought to be ignored by the
/// recipient".
pub(crate) fn offered(request: &request::Parts) -> Option<UpgradeList> {
    if request.version != Version::HTTP_11 || !connection_has_option(&request.headers, "upgrade") {
        return None;
    }
    upgrade_list(&request.headers)
}

/// The `Upgrade` lines of a message, read jointly; `None` if they name nothing or are malformed.
pub(super) fn upgrade_list(headers: &HeaderMap) -> Option<UpgradeList> {
    UpgradeList::parse(headers.get_all(header::UPGRADE).iter().map(http::HeaderValue::as_bytes))
        .ok()
}

fn connect_protocol(request: &request::Parts) -> Option<&str> {
    (request.method == Method::CONNECT).then_some(())?;
    request.extensions.get::<ConnectProtocol>().map(ConnectProtocol::as_str)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use http::Request;

    use super::*;

    fn parts(method: &str, fields: &[(&str, &str)]) -> request::Parts {
        let mut request = Request::builder().method(method).uri("/chat");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn websocket(token: &Protocol) -> bool {
        token.is("websocket")
    }

    #[test]
    fn the_first_allowed_token_of_all_lines_is_taken() {
        let key = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        let fields = [("Connection", "Upgrade"), ("Upgrade", "foo, h2c"), ("Upgrade", "WebSocket")];
        assert_eq!(Offer::read(&parts("GET", &fields), false, websocket), Err(BadOffer::NoKey));
        let request = parts("GET", &[&fields[..], &[key]].concat());
        let offer = Offer::read(&request, false, websocket).unwrap().unwrap();
        assert!(offer.is_websocket());
        assert_eq!(offer.door(), Door::Upgrade);
    }

    #[test]
    fn what_is_not_an_offer_is_ignored() {
        let upgrade = ("Upgrade", "websocket");
        let connection = ("Connection", "keep-alive, Upgrade");
        assert_eq!(
            Offer::read(&parts("GET", &[upgrade]), false, websocket),
            Ok(None),
            "without Connection"
        );
        assert_eq!(
            Offer::read(&parts("POST", &[upgrade, connection]), true, websocket),
            Ok(None),
            "a POST"
        );
        let h2c = parts("GET", &[("Upgrade", "h2c"), connection]);
        assert_eq!(Offer::read(&h2c, false, websocket), Ok(None), "another token");
        let mut old = parts("GET", &[upgrade, connection]);
        old.version = Version::HTTP_10;
        assert_eq!(Offer::read(&old, false, websocket), Ok(None), "HTTP/1.0");
        let malformed = parts("GET", &[("Upgrade", "websocket, a b"), connection]);
        assert_eq!(Offer::read(&malformed, false, websocket), Ok(None), "malformed");
    }

    #[test]
    fn content_and_an_empty_expectation_are_refused() {
        let fields =
            [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Expect", "100-continue")];
        assert_eq!(Offer::read(&parts("GET", &fields), true, websocket), Err(BadOffer::Content));
        assert_eq!(
            Offer::read(&parts("GET", &fields), false, websocket),
            Err(BadOffer::Expectation)
        );
    }

    #[test]
    fn an_extended_connect_names_one_token() {
        let mut request = parts("CONNECT", &[]);
        request.version = Version::HTTP_2;
        request.extensions.insert(ConnectProtocol::from_static("websocket"));
        assert_eq!(Offer::read(&request, false, websocket).unwrap().unwrap().door(), Door::Connect);
        request.extensions.insert(ConnectProtocol::from_static("connect-udp"));
        assert_eq!(
            Offer::read(&request, false, websocket),
            Err(BadOffer::UnknownProtocol("connect-udp".into()))
        );
    }
}
