//! U049: Connection has an option that is not a token.

use upshift_core::field::is_token;
use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U049",
    level: NoteLevel::Error,
    summary: "Connection has an option that is not a token",
    why: "Recipients differ on such a list: some ignore the member, some the field.",
    source: "RFC 9110 §7.6.1",
    quote: None,
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: websocket
Connection: upgrade; close
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
        for option in section.tokens("connection") {
            if !is_token(&option) {
                findings.add_in(section, "Connection", format!("`{option}` is not a token"));
            }
        }
    }
}
