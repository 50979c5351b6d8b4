//! U020: A 426 forbids caching.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::cache_control::has_directive;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U020",
    level: NoteLevel::Good,
    summary: "A 426 forbids caching",
    why: "Once the client meets the requirement, no cache answers it with the old refusal.",
    source: "RFC 9111 §5.2.2.5",
    quote: Some(
        "The no-store response directive indicates that a cache MUST NOT store any part of either \
         the immediate request or the response and MUST NOT use the response to satisfy any other \
         request",
    ),
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: websocket
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
Cache-Control: no-store
Content-Type: text/plain

Use a WebSocket.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(refusal) = exchange.refusal() else { return };
    if has_directive(&refusal.fields, "no-store") {
        findings.add_in(&refusal.fields, "Cache-Control", "the 426 is not stored");
    }
}
