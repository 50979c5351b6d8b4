//! U073: A WebSocket handshake has no Sec-WebSocket-Version.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U073",
    level: NoteLevel::Error,
    summary: "A WebSocket handshake has no Sec-WebSocket-Version",
    why: "Servers reject it, or take it for one of the drafts before the RFC.",
    source: "RFC 6455 §4.1",
    quote: Some(
        "The request MUST include a header field with the name |Sec-WebSocket-Version|. The value \
         of this header field MUST be 13",
    ),
    wrong: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
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
    let has_version = request.fields.has("sec-websocket-version");
    if request.fields.is_http1() && exchange.asks_for_websocket() && !has_version {
        findings.add_in(&request.fields, "Sec-WebSocket-Version", "there is none; it is `13`");
    }
}
