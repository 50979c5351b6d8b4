//! U053: Connection is on several lines.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U053",
    level: NoteLevel::Info,
    summary: "Connection is on several lines",
    why: "The lines are one list, and readers that look at one line miss the options on the other: \
          `upgrade` among them.",
    source: "RFC 9110 §5.3",
    quote: None,
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: websocket
Connection: keep-alive
Connection: upgrade
Sec-WebSocket-Version: 13
Content-Type: text/plain

Use a WebSocket.
",
    right: "\
HTTP/1.1 426 Upgrade Required
Upgrade: websocket
Connection: keep-alive, upgrade
Sec-WebSocket-Version: 13
Content-Type: text/plain

Use a WebSocket.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        let count = section.line_texts("connection").len();
        if section.is_http1() && count > 1 {
            findings.add_in(section, "Connection", format!("the field has {count} lines"));
        }
    }
}
