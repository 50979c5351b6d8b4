//! U001: A 426 does not say which protocol is required.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U001",
    level: NoteLevel::Error,
    summary: "A 426 does not say which protocol is required",
    why: "A client that gets a 426 reads in Upgrade what it has to speak. Without the field it \
          cannot act, and shows its user a generic error.",
    source: "RFC 9110 §15.5.22",
    quote: Some(
        "The server MUST send an Upgrade header field in a 426 response to indicate the required \
         protocol(s)",
    ),
    wrong: "\
HTTP/1.1 426 Upgrade Required
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
    // Over HTTP/2 and HTTP/3 the field is forbidden (RFC 9113 §8.2.2, RFC 9114 §4.2).
    if refusal.fields.is_http1() && !refusal.fields.has("upgrade") {
        findings.add_in(&refusal.fields, "Upgrade", "the 426 has no Upgrade field");
    }
}
