//! U076: A 426 for a WebSocket does not name the version.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::protocol_names::protocols_named;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U076",
    level: NoteLevel::Warn,
    summary: "A 426 for a WebSocket does not name the version",
    why: "Upgrade names the protocol without its version, which has a field of its own. A client \
          library reads it from there.",
    source: "RFC 6455 §4.2.2",
    quote: None,
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: websocket
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
    let Some(refusal) = exchange.refusal() else { return };
    let requires_it = !protocols_named(&refusal.fields, "websocket").is_empty();
    if requires_it && !refusal.fields.has("sec-websocket-version") {
        let message = "the 426 for `websocket` has no Sec-WebSocket-Version field";
        findings.add_in(&refusal.fields, "Sec-WebSocket-Version", message);
    }
}
