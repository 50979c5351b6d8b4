//! U023: A script of another origin cannot read the 426.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U023",
    level: NoteLevel::Info,
    summary: "A script of another origin cannot read the 426",
    why: "The request came from a page of another origin, and the response does not allow that \
          origin. The script gets a network error, with neither the status nor the content. Allow \
          the origin, at least on refusals.",
    source: "Fetch: HTTP CORS protocol",
    quote: None,
    wrong: "\
GET /api HTTP/1.1
Host: a.example
Origin: https://b.example

HTTP/1.1 426 Upgrade Required
Upgrade: api/2.0
Connection: upgrade
Content-Type: text/plain

Use version 2.0 of the API.
",
    right: "\
GET /api HTTP/1.1
Host: a.example
Origin: https://b.example

HTTP/1.1 426 Upgrade Required
Upgrade: api/2.0
Connection: upgrade
Access-Control-Allow-Origin: https://b.example
Vary: Origin
Content-Type: text/plain

Use version 2.0 of the API.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let (Some(refusal), Some(request)) = (exchange.refusal(), &exchange.request) else { return };
    // CORS does not apply to the handshake of a WebSocket.
    if exchange.asks_for_websocket() || refusal.fields.has("access-control-allow-origin") {
        return;
    }
    let host = request.fields.text("host").unwrap_or_default();
    if let Some(origin) = request.fields.text("origin")
        && !origin.ends_with(&format!("://{host}"))
    {
        let message = format!("a script of `{origin}` gets a network error in place of the 426");
        findings.add_in(&refusal.fields, "Access-Control-Allow-Origin", message);
    }
}
