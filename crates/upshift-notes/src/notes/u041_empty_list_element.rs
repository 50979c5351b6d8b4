//! U041: Upgrade or Connection has an empty member.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U041",
    level: NoteLevel::Warn,
    summary: "Upgrade or Connection has an empty member",
    why: "Recipients have to ignore it, and simple ones do not. It is a sign that the list is put \
          together as text.",
    source: "RFC 9110 §5.6.1.1",
    quote: Some(
        "In any production that uses the list construct, a sender MUST NOT generate empty list \
         elements",
    ),
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: websocket
Connection: upgrade,
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
        for (name, field) in [("upgrade", "Upgrade"), ("connection", "Connection")] {
            for line in section.line_texts(name) {
                let has_empty = line.split(',').any(|member| member.trim().is_empty());
                // An empty list altogether is another matter.
                if has_empty && line.contains(',') {
                    findings.add_in(section, field, format!("`{line}` has an empty member"));
                }
            }
        }
    }
}
