//! U056: A 101 switches to a protocol that was not offered.

use upshift_core::field::Protocol;
use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U056",
    level: NoteLevel::Error,
    summary: "A 101 switches to a protocol that was not offered",
    why: "The client cannot speak it, or did not choose to. It has to close the connection, and \
          the octets that the server sends are lost or misread.",
    source: "RFC 9110 §7.8",
    quote: Some(
        "A server MUST NOT switch to a protocol that was not indicated by the client in the \
         corresponding request's Upgrade header field",
    ),
    wrong: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13

HTTP/1.1 101 Switching Protocols
Upgrade: derp
Connection: Upgrade
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
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
    let offered = request.fields.protocols();
    // Without an offer at all, it is unsolicited, which is said elsewhere.
    if offered.is_empty() {
        return;
    }
    let chosen = switch.fields.protocols();
    let is_stack = chosen.iter().any(|protocol| protocol.is_named("TLS"));
    for protocol in &chosen {
        // RFC 2817 §3.3: a switch to TLS also names the HTTP/1.1 above it.
        let is_upper_layer = is_stack && protocol.is_named("HTTP");
        if !is_upper_layer && !offered.iter().any(|offer| fits(offer, protocol)) {
            let message = format!("`{protocol}` was not offered");
            findings.add_in(&switch.fields, "Upgrade", message);
        }
    }
}

/// Returns true if both have one name, and no versions that differ.
fn fits(offered: &Protocol, chosen: &Protocol) -> bool {
    let versions = (offered.version(), chosen.version());
    let differ = matches!(versions, (Some(offered), Some(chosen)) if offered != chosen);
    offered.is_named(chosen.name()) && !differ
}
