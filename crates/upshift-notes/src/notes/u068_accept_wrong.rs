//! U068: A WebSocket is accepted with the wrong Sec-WebSocket-Accept.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::protocol_names::protocols_named;
use crate::fields::websocket::accept_of;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U068",
    level: NoteLevel::Error,
    summary: "A WebSocket is accepted with the wrong Sec-WebSocket-Accept",
    why: "Clients compare the value with the key that they sent, and fail the connection. The \
          usual causes are a cached response, a proxy that changed the key, and a server that \
          computes over the decoded key.",
    source: "RFC 6455 §4.1",
    quote: None,
    wrong: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13

HTTP/1.1 101 Switching Protocols
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=
",
    right: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13

HTTP/1.1 101 Switching Protocols
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let (Some(switch), Some(request)) = (exchange.switch(), &exchange.request) else { return };
    let Some(key) = request.fields.text("sec-websocket-key") else { return };
    let expected = accept_of(&key);
    let is_websocket = !protocols_named(&switch.fields, "websocket").is_empty();
    let accept = switch.fields.text("sec-websocket-accept");
    if is_websocket && accept.as_ref() != Some(&expected) {
        let message = match accept {
            Some(accept) => format!("`{accept}` is not `{expected}`, which the key requires"),
            None => format!("there is none; the key requires `{expected}`"),
        };
        findings.add_in(&switch.fields, "Sec-WebSocket-Accept", message);
    }
}
