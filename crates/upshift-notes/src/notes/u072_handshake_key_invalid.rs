//! U072: A WebSocket handshake has no valid Sec-WebSocket-Key.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::websocket::is_key;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U072",
    level: NoteLevel::Error,
    summary: "A WebSocket handshake has no valid Sec-WebSocket-Key",
    why: "Servers reject it, most with 400. The key is the base64 of 16 random octets, and each \
          connection has its own.",
    source: "RFC 6455 §4.1",
    quote: Some(
        "The value of this header field MUST be a nonce consisting of a randomly selected 16-byte \
         value that has been base64-encoded",
    ),
    wrong: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: c2hvcnQ=
Sec-WebSocket-Version: 13
",
    right: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(request) = &exchange.request else { return };
    if !request.fields.is_http1() || !exchange.asks_for_websocket() {
        return;
    }
    let message = match request.fields.text("sec-websocket-key") {
        Some(key) if is_key(&key) => return,
        Some(key) => format!("`{key}` is not the base64 of 16 octets"),
        None => "there is none".to_owned(),
    };
    findings.add_in(&request.fields, "Sec-WebSocket-Key", message);
}
