//! U007: A 426 requires a protocol that the request offered.

use upshift_core::HttpVersion;
use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U007",
    level: NoteLevel::Warn,
    summary: "A 426 requires a protocol that the request offered",
    why: "A client that follows the answer sends the same request again, and both are in a loop. \
          The usual cause is a hop that removed the offer: look for a proxy between client and \
          server.",
    source: "RFC 9110 §7.8",
    quote: None,
    wrong: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13

HTTP/1.1 426 Upgrade Required
Upgrade: websocket
Connection: upgrade
Sec-WebSocket-Version: 13
Content-Type: text/plain

Use a WebSocket.
",
    right: "\
GET /chat HTTP/1.1
Host: a.example

HTTP/1.1 426 Upgrade Required
Upgrade: websocket
Connection: upgrade
Sec-WebSocket-Version: 13
Content-Type: text/plain

Use a WebSocket.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let (Some(refusal), Some(request)) = (exchange.refusal(), &exchange.request) else { return };
    // RFC 9110 §7.6.1: without the option, the offer ought to be ignored.
    let is_offer = request.fields.connection().contains("upgrade") && request.fields.is_http1();
    if !is_offer || request.fields.version == Some(HttpVersion::V1_0) {
        return;
    }
    let offered = request.fields.protocols();
    for protocol in refusal.fields.protocols() {
        let is_whole = !protocol.is_named("websocket") || is_whole_handshake(exchange);
        if offered.contains(&protocol) && is_whole {
            let message = format!("`{protocol}` is required, and the request offered it");
            findings.add_in(&refusal.fields, "Upgrade", message);
        }
    }
}

/// Returns true unless the request lacks what a WebSocket needs, or has another version of it.
fn is_whole_handshake(exchange: &Exchange<'_>) -> bool {
    let (Some(refusal), Some(request)) = (exchange.refusal(), &exchange.request) else {
        return false;
    };
    let required = refusal.fields.tokens("sec-websocket-version");
    let offered = request.fields.text("sec-websocket-version").unwrap_or_default();
    let version_fits = required.is_empty() || required.contains(&offered);
    request.method == "GET" && request.fields.has("sec-websocket-key") && version_fits
}
