//! U042: Upgrade is on several lines.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U042",
    level: NoteLevel::Info,
    summary: "Upgrade is on several lines",
    why: "The lines are one list, but filters have looked at one line only: an `h2c` on the other \
          passed HAProxy. Write one line.",
    source: "RFC 9110 §5.3",
    quote: None,
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: websocket
Upgrade: api/2.0
Connection: upgrade
Sec-WebSocket-Version: 13
Content-Type: text/plain

Use a WebSocket.
",
    right: "\
HTTP/1.1 426 Upgrade Required
Upgrade: websocket
Connection: upgrade
Sec-WebSocket-Version: 13
Content-Type: text/plain

Use a WebSocket.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        let count = section.line_texts("upgrade").len();
        if count > 1 {
            findings.add_in(section, "Upgrade", format!("the field has {count} lines"));
        }
    }
}
