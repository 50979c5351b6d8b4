//! U003: Upgrade names no protocol.

use upshift_core::field::UpgradeListError;
use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U003",
    level: NoteLevel::Error,
    summary: "Upgrade names no protocol",
    why: "The grammar allows an empty list, but it says nothing: a 426 with it helps no more than \
          one without the field.",
    source: "RFC 9110 §7.8",
    quote: Some(
        "A server that sends a 426 (Upgrade Required) response MUST send an Upgrade header field \
         to indicate the acceptable protocols, in order of descending preference",
    ),
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade:
Connection: upgrade
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
        if section.upgrade() == Some(Err(UpgradeListError::Empty)) {
            findings.add_in(section, "Upgrade", "the Upgrade field is empty");
        }
    }
}
