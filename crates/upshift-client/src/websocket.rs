//! The fields of the WebSocket handshake (RFC 6455 §4).

use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue};
use upshift_core::field::list_elements;
use upshift_http::{remove_connection_option, websocket_accept};

/// An extension of a request whose caller can use a WebSocket although it asks for plain HTTP.
/// Without it, a 426 that requires a WebSocket is not followed.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebSocketWelcome;

/// Turns a request into a handshake. A key that it has is kept.
pub(crate) fn add_handshake(headers: &mut HeaderMap) {
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    if !headers.contains_key(SEC_WEBSOCKET_KEY)
        // Base64 is always a valid value.
        && let Ok(key) = HeaderValue::from_str(&STANDARD.encode(random_nonce()))
    {
        headers.insert(SEC_WEBSOCKET_KEY, key);
    }
}

/// Turns a handshake into a plain request.
pub(crate) fn remove_handshake(headers: &mut HeaderMap) {
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

/// Returns true if a response proves that its server read this handshake: RFC 6455 §4.1, points 4
/// to 6.
pub(crate) fn is_accepted(request: &HeaderMap, response: &HeaderMap) -> bool {
    let (Some(key), Some(accept)) =
        (request.get(SEC_WEBSOCKET_KEY), response.get(SEC_WEBSOCKET_ACCEPT))
    else {
        return false;
    };
    if accept.as_bytes() != websocket_accept(key.as_bytes()).as_bytes() {
        return false;
    }
    // "If the response includes a |Sec-WebSocket-Protocol| header field and this header field
    // indicates the use of a subprotocol that was not present in the client's handshake … the
    // client MUST _Fail the WebSocket Connection_."
    let Some(chosen) = response.get(SEC_WEBSOCKET_PROTOCOL) else { return true };
    let lines = request.get_all(SEC_WEBSOCKET_PROTOCOL).iter().map(HeaderValue::as_bytes);
    list_elements(lines).any(|offer| offer == chosen.as_bytes())
}

/// 16 bytes that differ from one handshake to the next (RFC 6455 §4.1 point 7). The keys of a
/// `RandomState` are random, so no other source of chance is needed.
fn random_nonce() -> [u8; 16] {
    let mut nonce = [0; 16];
    for half in nonce.chunks_exact_mut(8) {
        half.copy_from_slice(&RandomState::new().hash_one(Instant::now()).to_ne_bytes());
    }
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
        add_handshake(&mut headers);
        assert_eq!(headers["upgrade"], "websocket");
        remove_handshake(&mut headers);
        assert_eq!(headers, fields(&[("accept", "*/*")]));
    }
}
