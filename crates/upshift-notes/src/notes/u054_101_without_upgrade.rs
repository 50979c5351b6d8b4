//! U054: A 101 does not say to which protocol the connection switches.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U054",
    level: NoteLevel::Error,
    summary: "A 101 does not say to which protocol the connection switches",
    why: "Both sides have to agree on the next octet. A client that does not know the protocol has \
          to close.",
    source: "RFC 9110 §15.2.2",
    quote: Some(
        "The server MUST generate an Upgrade header field in the response that indicates which \
         protocol(s) will be in effect after this response",
    ),
    wrong: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13

HTTP/1.1 101 Switching Protocols
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
    let Some(switch) = exchange.switch() else { return };
    if switch.fields.is_http1() && !switch.fields.has("upgrade") {
        findings.add_in(&switch.fields, "Upgrade", "the 101 has no Upgrade field");
    }
}
