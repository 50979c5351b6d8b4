//! The WebSocket handshake (RFC 6455 §4), as far as fields go.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue};
use upshift_http::{remove_connection_option, websocket_accept};

/// An extension of a request whose caller can make use of a WebSocket although it asked for plain
/// HTTP: without it, a 426 that wants one is not followed.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebSocketWelcome;

/// Makes a handshake of a request. A key that is there is kept.
pub(crate) fn offer(headers: &mut HeaderMap) {
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    if !headers.contains_key(SEC_WEBSOCKET_KEY)
        && let Ok(key) = HeaderValue::from_str(&STANDARD.encode(nonce()))
    {
        headers.insert(SEC_WEBSOCKET_KEY, key);
    }
}

/// Makes a plain request of a handshake.
pub(crate) fn withdraw(headers: &mut HeaderMap) {
    remove_connection_option(headers, "upgrade");
    for name in [
        UPGRADE,
        SEC_WEBSOCKET_KEY,
        SEC_WEBSOCKET_VERSION,
        SEC_WEBSOCKET_PROTOCOL,
        SEC_WEBSOCKET_EXTENSIONS,
    ] {
        headers.remove(name);
    }
}

/// Whether an answer proves that it read this handshake: RFC 6455 §4.1, points 4 to 6.
pub(crate) fn is_accepted(request: &HeaderMap, response: &HeaderMap) -> bool {
    let Some(key) = request.get(SEC_WEBSOCKET_KEY) else { return false };
    let accept = websocket_accept(key.as_bytes());
    let proves =
        response.get(SEC_WEBSOCKET_ACCEPT).is_some_and(|have| have.as_bytes() == accept.as_bytes());
    // "If the response includes a |Sec-WebSocket-Protocol| header field and this header field
    // indicates the use of a subprotocol that was not present in the client's handshake … the
    // client MUST _Fail the WebSocket Connection_."
    let offered = |chosen: &HeaderValue| {
        let all = request.get_all(SEC_WEBSOCKET_PROTOCOL).iter().map(HeaderValue::as_bytes);
        upshift_core::field::list_elements(all).any(|offer| offer == chosen.as_bytes())
    };
    proves && response.get(SEC_WEBSOCKET_PROTOCOL).is_none_or(offered)
}

/// 16 bytes that differ from one handshake to the next (RFC 6455 §4.1 point 7).
fn nonce() -> [u8; 16] {
    use std::hash::{BuildHasher, RandomState};
    let half = || RandomState::new().hash_one(std::time::Instant::now()).to_ne_bytes();
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&half());
    nonce[8..].copy_from_slice(&half());
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn the_rfcs_own_example_is_accepted_and_another_answer_is_not() {
        let asked = fields(&[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")]);
        assert!(is_accepted(
            &asked,
            &fields(&[("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")])
        ));
        assert!(!is_accepted(&asked, &fields(&[("sec-websocket-accept", "x")])));
        assert!(!is_accepted(&asked, &fields(&[])));
        let unasked = [
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            ("sec-websocket-protocol", "chat"),
        ];
        assert!(!is_accepted(&asked, &fields(&unasked)));
    }

    #[test]
    fn what_is_offered_can_be_withdrawn() {
        let mut headers = fields(&[("accept", "*/*")]);
        offer(&mut headers);
        assert_eq!(headers["upgrade"], "websocket");
        withdraw(&mut headers);
        assert_eq!(headers, fields(&[("accept", "*/*")]));
    }
}
