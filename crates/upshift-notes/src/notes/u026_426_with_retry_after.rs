//! U026: A 426 has a Retry-After, so it claims to be temporary.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U026",
    level: NoteLevel::Info,
    summary: "A 426 has a Retry-After, so it claims to be temporary",
    why: "A client that only waits repeats the same request. That helps in a brownout, which ends \
          by itself; it does not help where the requirement stays.",
    source: "RFC 9110 §10.2.3",
    quote: None,
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: websocket
Connection: upgrade
Sec-WebSocket-Version: 13
Retry-After: 600
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
    if let Some(wait) = refusal.fields.text("retry-after") {
        let message = format!("`{wait}`: the same request is expected to be admitted then");
        findings.add_in(&refusal.fields, "Retry-After", message);
    }
}
