//! U040: Upgrade lists a protocol twice.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U040",
    level: NoteLevel::Info,
    summary: "Upgrade lists a protocol twice",
    why: "The list is in order of preference, so a second mention adds nothing. Often two layers \
          of a server add the field.",
    source: "RFC 9110 §7.8",
    quote: Some("in order of descending preference"),
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: websocket, websocket
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
        let protocols = section.protocols();
        for (index, protocol) in protocols.iter().enumerate() {
            if protocols[..index].contains(protocol) {
                let message = format!("`{protocol}` is listed more than once");
                findings.add_in(section, "Upgrade", message);
            }
        }
    }
}
