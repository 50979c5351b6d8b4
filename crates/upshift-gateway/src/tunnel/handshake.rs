//! The upgrade handshake with the upstream: the request, and the verification of the response.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, response};
use upshift_http::{connection_has_option, remove_nominated, strip_hop_by_hop, websocket_accept};

use super::offer::{OfferedVia, TunnelOffer, upgrade_list};

/// A `Sec-WebSocket-Key`: the client's, or a new one for an extended CONNECT, which has none (RFC
/// 8441 §5).
#[derive(Clone, Debug)]
pub(super) struct WebSocketKey(HeaderValue);

/// A response to an upgrade request that is a `502` for the client. The upstream is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadSwitch {
    /// A `101` that does not name exactly the requested protocol, with `Connection: upgrade`.
    #[error("switched to another protocol than {asked}")]
    Other {
        /// The requested protocol.
        asked: String,
    },
    /// A `101` with a `Sec-WebSocket-Accept` that does not match the key.
    #[error("sent a Sec-WebSocket-Accept that does not match the key")]
    Accept,
    /// A 2xx without a switch, which in response to a CONNECT would open a tunnel (RFC 9110
    /// §9.3.6).
    #[error("answered {0} to a request to switch protocols")]
    NoSwitch(StatusCode),
}

/// Turns a request without hop-by-hop fields into the upgrade request for the upstream. Returns the
/// key of a WebSocket handshake.
///
/// RFC 8441 §5: a CONNECT becomes a GET with a new key.
///
/// # Errors
/// If the system has no random bytes.
pub(super) fn prepare_request(
    offer: &TunnelOffer,
    method: &mut Method,
    headers: &mut HeaderMap,
) -> Result<Option<WebSocketKey>, Unspecified> {
    set_upgrade(headers, offer);
    if offer.offered_via() == OfferedVia::Upgrade {
        if !offer.is_websocket() {
            return Ok(None);
        }
        return Ok(headers.get(header::SEC_WEBSOCKET_KEY).cloned().map(WebSocketKey));
    }
    *method = Method::GET;
    if !offer.is_websocket() {
        return Ok(None);
    }
    let key = WebSocketKey::new()?;
    headers.insert(header::SEC_WEBSOCKET_KEY, key.0.clone());
    Ok(Some(key))
}

/// Verifies the upstream's response: `Ok(true)` if it switched to the requested protocol,
/// `Ok(false)` if it did not switch.
///
/// After a switch, `answer` is rewritten for the client: `101` with our own `Upgrade` and
/// `Connection`, or `200` with neither.
///
/// # Errors
/// If the upstream switched to another protocol, or its response is no proof of a switch.
pub(super) fn accept_switch(
    offer: &TunnelOffer,
    key: Option<&WebSocketKey>,
    answer: &mut response::Parts,
) -> Result<bool, BadSwitch> {
    if answer.status != StatusCode::SWITCHING_PROTOCOLS {
        return match offer.offered_via() {
            OfferedVia::Connect if answer.status.is_success() => {
                Err(BadSwitch::NoSwitch(answer.status))
            }
            _ => Ok(false),
        };
    }
    // RFC 9110 §7.8: "A server MUST NOT switch to a protocol that was not indicated by the client".
    let names_token = match upgrade_list(&answer.headers) {
        Some(list) => list.protocols() == std::slice::from_ref(offer.token()),
        None => false,
    };
    if !names_token || !connection_has_option(&answer.headers, "upgrade") {
        return Err(BadSwitch::Other { asked: offer.token().to_string() });
    }
    // RFC 6455 §4.1: an accept that does not match the key shows that the upstream did not answer
    // this handshake.
    if let Some(key) = key {
        match answer.headers.get(header::SEC_WEBSOCKET_ACCEPT) {
            Some(accept) if *accept == key.expected_accept() => {}
            _ => return Err(BadSwitch::Accept),
        }
    }
    rewrite_for_client(offer, answer);
    Ok(true)
}

/// Turns the `101` of the upstream into the response for the client.
fn rewrite_for_client(offer: &TunnelOffer, answer: &mut response::Parts) {
    remove_nominated(&mut answer.headers, &[]);
    strip_hop_by_hop(&mut answer.headers);
    // RFC 9110 §8.6: "A server MUST NOT send a Content-Length header field in any response with a
    // status code of 1xx"; a 2xx to CONNECT has none either.
    answer.headers.remove(header::CONTENT_LENGTH);
    match offer.offered_via() {
        OfferedVia::Upgrade => set_upgrade(&mut answer.headers, offer),
        OfferedVia::Connect => {
            answer.status = StatusCode::OK;
            answer.headers.remove(header::SEC_WEBSOCKET_ACCEPT);
        }
    }
}

/// Sets `Upgrade` and `Connection`.
///
/// RFC 9110 §7.8: "A sender of Upgrade MUST also send an "Upgrade" connection option".
fn set_upgrade(headers: &mut HeaderMap, offer: &TunnelOffer) {
    // This cannot fail: a protocol consists of tokens and a slash.
    if let Ok(token) = HeaderValue::from_str(&offer.token().to_string()) {
        headers.insert(header::UPGRADE, token);
        headers.insert(header::CONNECTION, const { HeaderValue::from_static("Upgrade") });
    }
}

impl WebSocketKey {
    /// Makes a random key.
    ///
    /// RFC 6455 §4.1: "a nonce consisting of a randomly selected 16-byte value that has been
    /// base64-encoded".
    fn new() -> Result<Self, Unspecified> {
        let mut nonce = [0; 16];
        rand::fill(&mut nonce)?;
        HeaderValue::from_str(&STANDARD.encode(nonce)).map(Self).map_err(|_| Unspecified)
    }

    /// The `Sec-WebSocket-Accept` that proves the key was received (RFC 6455 §4.2.2, step 5.4).
    fn expected_accept(&self) -> String {
        websocket_accept(self.0.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use http::{Request, Response, Version, request};
    use hyper::ext::Protocol as ConnectProtocol;

    use super::*;
    use crate::received_request::ReceivedRequest;

    fn upgrade() -> (TunnelOffer, request::Parts) {
        let request = Request::get("/chat")
            .header("Connection", "Upgrade, X-Secret")
            .header("Upgrade", "h2c, websocket")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        offer(request.body(()).unwrap().into_parts().0)
    }

    fn connect() -> (TunnelOffer, request::Parts) {
        let request = Request::connect("/chat").version(Version::HTTP_2);
        offer(
            request
                .extension(ConnectProtocol::from_static("websocket"))
                .body(())
                .unwrap()
                .into_parts()
                .0,
        )
    }

    fn offer(mut request: request::Parts) -> (TunnelOffer, request::Parts) {
        let received = ReceivedRequest::from_parts(request.clone());
        let offer =
            TunnelOffer::from_request(&received, false, |token| token.is_named("websocket"));
        let offer = offer.unwrap().unwrap();
        remove_nominated(&mut request.headers, &[]);
        strip_hop_by_hop(&mut request.headers);
        (offer, request)
    }

    fn answer(fields: &[(&str, &str)]) -> response::Parts {
        let mut response = Response::builder().status(101);
        for (name, value) in fields {
            response = response.header(*name, *value);
        }
        response.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_upstream_is_asked_for_the_allowed_token_alone() {
        let (offer, mut request) = upgrade();
        let key =
            prepare_request(&offer, &mut request.method, &mut request.headers).unwrap().unwrap();
        assert_eq!(key.expected_accept(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let fields =
            [("Connection", "upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Accept", "x")];
        assert_eq!(accept_switch(&offer, Some(&key), &mut answer(&fields)), Err(BadSwitch::Accept));
        assert_eq!(request.headers[header::UPGRADE], "websocket");
        assert_eq!(request.headers[header::CONNECTION], "Upgrade");
        assert_eq!(request.headers[header::SEC_WEBSOCKET_KEY], "dGhlIHNhbXBsZSBub25jZQ==");
    }

    #[test]
    fn a_connect_becomes_a_get_with_a_key_whose_accept_is_checked() {
        let (offer, mut request) = connect();
        let key =
            prepare_request(&offer, &mut request.method, &mut request.headers).unwrap().unwrap();
        assert_eq!(request.method, Method::GET);
        let switch = |accept: &str| {
            let fields = [
                ("Connection", "upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Accept", accept),
            ];
            let mut answer = answer(&fields);
            accept_switch(&offer, Some(&key), &mut answer)
                .map(|switched| (switched, answer.status.as_u16(), answer.headers))
        };
        assert_eq!(switch(&key.expected_accept()), Ok((true, 200, HeaderMap::new())));
        assert_eq!(switch("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), Err(BadSwitch::Accept));
        let mut success = answer(&[]);
        success.status = StatusCode::OK;
        assert_eq!(
            accept_switch(&offer, Some(&key), &mut success),
            Err(BadSwitch::NoSwitch(StatusCode::OK))
        );
    }

    #[test]
    fn a_switch_to_anything_else_is_not_believed() {
        let (offer, _) = upgrade();
        let connection = ("Connection", "Upgrade");
        for fields in [
            vec![connection],
            vec![("Upgrade", "websocket")],
            vec![connection, ("Upgrade", "h2c")],
            vec![connection, ("Upgrade", "websocket, h2c")],
            vec![connection, ("Upgrade", "websocket"), ("Upgrade", "h2c")],
            vec![connection, ("Upgrade", "websocket/2")],
        ] {
            let judged = accept_switch(&offer, None, &mut answer(&fields));
            assert_eq!(judged, Err(BadSwitch::Other { asked: "websocket".into() }), "{fields:?}");
        }
        let mut fine =
            answer(&[("Connection", "Upgrade"), ("Upgrade", "WebSocket"), ("Set-Cookie", "a=b")]);
        assert_eq!(accept_switch(&offer, None, &mut fine), Ok(true));
        assert_eq!(fine.headers["set-cookie"], "a=b");
        let mut refused = answer(&[]);
        refused.status = StatusCode::FORBIDDEN;
        assert_eq!(accept_switch(&offer, None, &mut refused), Ok(false));
    }
}
