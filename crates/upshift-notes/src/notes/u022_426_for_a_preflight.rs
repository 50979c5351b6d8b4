//! U022: A CORS preflight is refused with a 426.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U022",
    level: NoteLevel::Warn,
    summary: "A CORS preflight is refused with a 426",
    why: "A preflight is sent by the browser, without the page's own fields, so it cannot meet a \
          requirement that is about the caller. The page gets a network error and never sees the \
          426. Admit the preflight, and refuse the request after it.",
    source: "Fetch: CORS-preflight fetch",
    quote: None,
    wrong: "\
OPTIONS /api HTTP/1.1
Host: a.example
Origin: https://b.example
Access-Control-Request-Method: PUT

HTTP/1.1 426 Upgrade Required
Upgrade: api/2.0
Connection: upgrade
Access-Control-Allow-Origin: *
Content-Type: text/plain

Use version 2.0 of the API.
",
    right: "\
OPTIONS /api HTTP/1.1
Host: a.example
Origin: https://b.example
Access-Control-Request-Method: PUT

HTTP/1.1 204 No Content
Access-Control-Allow-Origin: *
Access-Control-Allow-Methods: PUT
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let (Some(refusal), Some(request)) = (exchange.refusal(), &exchange.request) else { return };
    let names_method = request.fields.has("access-control-request-method");
    if request.method == "OPTIONS" && request.fields.has("origin") && names_method {
        findings.add(&refusal.fields, "the browser reports a network error for this preflight");
    }
}
