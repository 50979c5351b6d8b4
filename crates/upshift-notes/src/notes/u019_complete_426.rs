//! U019: a 426 says what is required, to clients, hops and people.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U019",
    level: NoteLevel::Good,
    summary: "A 426 says what is required, to clients, hops and people",
    why: "It has a valid Upgrade for clients, the connection option for the hops between, and a \
          content for people.",
    source: "RFC 9110 §15.5.22",
    quote: Some(
        "The server MUST send an Upgrade header field in a 426 response to indicate the required \
         protocol(s)",
    ),
    wrong: "\
HTTP/1.1 426 Upgrade Required
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
    let is_valid = matches!(refusal.fields.upgrade(), Some(Ok(_)));
    let names_it = refusal.fields.connection().contains("upgrade");
    if refusal.fields.is_http1() && is_valid && names_it && !refusal.body.is_empty() {
        let upgrade = refusal.fields.text("upgrade").unwrap_or_default();
        findings.add(&refusal.fields, format!("the 426 requires `{upgrade}` and explains it"));
    }
}
