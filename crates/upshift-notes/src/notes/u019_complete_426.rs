//! U019: A 426 names the required protocol and explains it.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::protocol_names::is_mistaken;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U019",
    level: NoteLevel::Good,
    summary: "A 426 names the required protocol and explains it",
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
    let Some(Ok(required)) = refusal.fields.upgrade() else { return };
    let mut protocols = required.protocols().iter();
    let has_mistake = protocols.any(|protocol| is_mistaken(protocol.name()));
    let names_it = refusal.fields.connection().contains("upgrade");
    if refusal.fields.is_http1() && names_it && !has_mistake && !refusal.body.is_empty() {
        findings.add(&refusal.fields, format!("the 426 requires `{required}` and explains it"));
    }
}
