//! U070: A WebSocket is accepted with several subprotocols.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U070",
    level: NoteLevel::Error,
    summary: "A WebSocket is accepted with several subprotocols",
    why: "A connection has one. Clients fail it, because none of their offers equals the list. \
          Often a server echoes the field of the request.",
    source: "RFC 6455 §4.2.2",
    quote: None,
    wrong: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13
Sec-WebSocket-Protocol: chat.v2, chat.v1

HTTP/1.1 101 Switching Protocols
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
Sec-WebSocket-Protocol: chat.v2, chat.v1
",
    right: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13
Sec-WebSocket-Protocol: chat.v2, chat.v1

HTTP/1.1 101 Switching Protocols
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
Sec-WebSocket-Protocol: chat.v2
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(switch) = exchange.switch() else { return };
    let chosen = switch.fields.members("sec-websocket-protocol");
    if chosen.len() > 1 {
        let message = format!("`{}` are several", chosen.join(", "));
        findings.add_in(&switch.fields, "Sec-WebSocket-Protocol", message);
    }
}
