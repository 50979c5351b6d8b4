//! U074: A WebSocket handshake is not a GET over HTTP/1.1.

use upshift_core::HttpVersion;
use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U074",
    level: NoteLevel::Error,
    summary: "A WebSocket handshake is not a GET over HTTP/1.1",
    why: "Servers ignore the Upgrade of such a request and answer it as a plain one.",
    source: "RFC 6455 §4.1",
    quote: Some("The method of the request MUST be GET, and the HTTP version MUST be at least 1.1"),
    wrong: "\
POST /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
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
    let is_old = request.fields.version == Some(HttpVersion::V1_0);
    if exchange.asks_for_websocket() && (request.method != "GET" || is_old) {
        let version = request.fields.version.map(HttpVersion::as_str).unwrap_or_default();
        let message = format!("it is a {} over HTTP/{version}", request.method);
        findings.add(&request.fields, message);
    }
}
