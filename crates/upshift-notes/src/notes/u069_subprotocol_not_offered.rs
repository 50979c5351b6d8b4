//! U069: A WebSocket is accepted with a subprotocol that was not offered.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U069",
    level: NoteLevel::Error,
    summary: "A WebSocket is accepted with a subprotocol that was not offered",
    why: "Clients fail the connection. The server chooses one of the subprotocols of the request, \
          or leaves the field out.",
    source: "RFC 6455 §4.1",
    quote: None,
    wrong: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13
Sec-WebSocket-Protocol: chat.v2

HTTP/1.1 101 Switching Protocols
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
Sec-WebSocket-Protocol: chat.v1
",
    right: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13
Sec-WebSocket-Protocol: chat.v2

HTTP/1.1 101 Switching Protocols
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
Sec-WebSocket-Protocol: chat.v2
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let (Some(switch), Some(request)) = (exchange.switch(), &exchange.request) else { return };
    let offered = request.fields.members("sec-websocket-protocol");
    for chosen in switch.fields.members("sec-websocket-protocol") {
        // RFC 6455 §11.5: subprotocols are compared exactly.
        if !offered.contains(&chosen) {
            let message = format!("`{chosen}` was not offered");
            findings.add_in(&switch.fields, "Sec-WebSocket-Protocol", message);
        }
    }
}
