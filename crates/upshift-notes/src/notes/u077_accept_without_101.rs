//! U077: A refused WebSocket handshake has Sec-WebSocket-Accept.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U077",
    level: NoteLevel::Warn,
    summary: "A refused WebSocket handshake has Sec-WebSocket-Accept",
    why: "The field says that the server accepts, and the status says that it does not. HAProxy \
          2.6 adds it to refusals.",
    source: "RFC 6455 §4.2.2",
    quote: None,
    wrong: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13

HTTP/1.1 426 Upgrade Required
Upgrade: TLS/1.2
Connection: upgrade
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
Content-Type: text/plain

Use a WebSocket.
",
    right: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13

HTTP/1.1 426 Upgrade Required
Upgrade: TLS/1.2
Connection: upgrade
Content-Type: text/plain

Use a WebSocket.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(response) = exchange.final_response() else { return };
    if response.fields.is_http1() && response.fields.has("sec-websocket-accept") {
        let message = format!("a {} does not accept a WebSocket", response.status);
        findings.add_in(&response.fields, "Sec-WebSocket-Accept", message);
    }
}
