//! U009: A 426 has no content.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U009",
    level: NoteLevel::Warn,
    summary: "A 426 has no content",
    why: "A person sees an empty page or a bare error, and most client libraries show the content \
          and nothing else. Say in it what is required, where to get it, and whether the refusal \
          is permanent.",
    source: "RFC 9110 §15.5",
    quote: Some(
        "Except when responding to a HEAD request, the server SHOULD send a representation \
         containing an explanation of the error situation, and whether it is a temporary or \
         permanent condition",
    ),
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: websocket
Connection: upgrade
Sec-WebSocket-Version: 13
Content-Length: 0
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
    let is_head = exchange.request.as_ref().is_some_and(|request| request.method == "HEAD");
    if refusal.fields.is_http1() && !is_head && refusal.is_empty() {
        findings.add(&refusal.fields, "the 426 has no content");
    }
}
