//! U055: A 101 answers a request that did not offer a switch.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U055",
    level: NoteLevel::Error,
    summary: "A 101 answers a request that did not offer a switch",
    why: "The client still speaks HTTP and takes what follows for its response. Clients differ: \
          some report an error, some hang, and aiohttp returns the 101 as the result.",
    source: "RFC 9110 §7.8",
    quote: Some(
        "A server MUST NOT switch to a protocol that was not indicated by the client in the \
         corresponding request's Upgrade header field",
    ),
    wrong: "\
GET /chat HTTP/1.1
Host: a.example

HTTP/1.1 101 Switching Protocols
Upgrade: websocket
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
    if request.fields.is_http1() && !request.fields.has("upgrade") {
        findings.add(&switch.fields, "the request has no Upgrade field");
    }
}
