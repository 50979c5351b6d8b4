//! U052: Connection says close and keep-alive.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U052",
    level: NoteLevel::Warn,
    summary: "Connection says close and keep-alive",
    why: "`close` wins by the RFC, and some clients look for `keep-alive` first. The usual cause \
          is a proxy that adds its own line to that of the server.",
    source: "RFC 9112 §9.3",
    quote: None,
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: websocket
Connection: upgrade, keep-alive, close
Sec-WebSocket-Version: 13
Content-Type: text/plain

Use a WebSocket.
",
    right: "\
HTTP/1.1 426 Upgrade Required
Upgrade: websocket
Connection: upgrade, close
Sec-WebSocket-Version: 13
Content-Type: text/plain

Use a WebSocket.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        let connection = section.connection();
        if connection.contains("close") && connection.contains("keep-alive") {
            findings.add_in(section, "Connection", "both `close` and `keep-alive` are named");
        }
    }
}
