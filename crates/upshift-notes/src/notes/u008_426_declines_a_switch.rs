//! U008: A 426 declines the switch that the request offered.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::protocol_names::protocols_named;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U008",
    level: NoteLevel::Info,
    summary: "A 426 declines the switch that the request offered",
    why: "The status says to upgrade, and here it says the reverse: stay with HTTP. Some clients \
          rely on it as the signal to fall back from WebSocket at once; others report an error. A \
          server that has nothing against HTTP can also ignore the offer.",
    source: "RFC 9110 §7.8",
    quote: Some(
        "A server MAY ignore a received Upgrade header field if it wishes to continue using the \
         current protocol on that connection",
    ),
    wrong: "\
GET /feed HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13

HTTP/1.1 426 Upgrade Required
Upgrade: HTTP/1.1
Connection: upgrade
Content-Type: text/plain

Use plain requests.
",
    right: "\
GET /feed HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13

HTTP/1.1 200 OK
Content-Type: text/plain

Nothing new.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let (Some(refusal), Some(request)) = (exchange.refusal(), &exchange.request) else { return };
    let names_http = !protocols_named(&refusal.fields, "HTTP").is_empty();
    if let Some(offered) = request.fields.text("upgrade")
        && names_http
    {
        let message = format!("`{offered}` was offered, and HTTP is required");
        findings.add_in(&refusal.fields, "Upgrade", message);
    }
}
