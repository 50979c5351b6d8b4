//! U061: A 101 lists its layers from top to bottom.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U061",
    level: NoteLevel::Error,
    summary: "A 101 lists its layers from top to bottom",
    why: "Layers are listed from the bottom: TLS before the HTTP inside it.",
    source: "RFC 9110 §7.8",
    quote: Some(
        "if multiple protocol layers are being switched, the sender MUST list the protocols in \
         layer-ascending order",
    ),
    wrong: "\
# url: http://printer.example/
OPTIONS * HTTP/1.1
Host: printer.example
Upgrade: TLS/1.2
Connection: Upgrade

HTTP/1.1 101 Switching Protocols
Upgrade: HTTP/1.1, TLS/1.2
Connection: Upgrade
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
    let Some(switch) = exchange.switch() else { return };
    let protocols = switch.fields.protocols();
    let tls = protocols.iter().position(|protocol| protocol.is_named("TLS"));
    let http = protocols.iter().position(|protocol| protocol.is_named("HTTP"));
    if let (Some(tls), Some(http)) = (tls, http)
        && http < tls
    {
        findings.add_in(&switch.fields, "Upgrade", "HTTP is listed before the TLS below it");
    }
}
