//! U066: A 101 switches to a protocol that was offered, and names it.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U066",
    level: NoteLevel::Good,
    summary: "A 101 switches to a protocol that was offered, and names it",
    why: "Both sides know what the next octet means.",
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

HTTP/1.1 200 OK
Content-Type: text/plain

Hello.
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
    let Some(Ok(chosen)) = switch.fields.upgrade() else { return };
    let names_it = switch.fields.connection().contains("upgrade");
    if names_it && request.offers(chosen.protocols()[0].name()) {
        findings.add(&switch.fields, format!("the connection switches to `{chosen}`, as offered"));
    }
}
