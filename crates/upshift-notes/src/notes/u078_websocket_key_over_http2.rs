//! U078: A WebSocket over HTTP/2 or HTTP/3 uses the key of HTTP/1.1.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U078",
    level: NoteLevel::Warn,
    summary: "A WebSocket over HTTP/2 or HTTP/3 uses the key of HTTP/1.1",
    why: "The extended CONNECT replaces key and accept. Peers ignore them; they are often the \
          trace of a gateway that copies fields.",
    source: "RFC 8441 §5",
    quote: Some(
        "Implementations using this extended CONNECT to bootstrap WebSockets do not do the \
         processing of the Sec-WebSocket-Key and Sec-WebSocket-Accept header fields",
    ),
    wrong: "\
# url: https://a.example/chat
CONNECT /chat HTTP/2
Host: a.example
sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==
sec-websocket-version: 13
",
    right: "\
# url: https://a.example/chat
CONNECT /chat HTTP/2
Host: a.example
sec-websocket-version: 13
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let fields = [
        ("sec-websocket-key", "Sec-WebSocket-Key"),
        ("sec-websocket-accept", "Sec-WebSocket-Accept"),
    ];
    for section in exchange.sections() {
        for (name, field) in fields {
            if section.is_multiplexed() && section.has(name) {
                findings.add_in(section, field, format!("{field} has no meaning here"));
            }
        }
    }
}
