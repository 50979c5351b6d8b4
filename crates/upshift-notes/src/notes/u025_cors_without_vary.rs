//! U025: The allowed origin comes from the request, but Vary does not name Origin.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::cache_control::has_directive;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U025",
    level: NoteLevel::Warn,
    summary: "The allowed origin comes from the request, but Vary does not name Origin",
    why: "A cache that stored the response for one page gives it to the page of another origin, \
          where the browser rejects it.",
    source: "Fetch: CORS protocol and HTTP caches",
    quote: None,
    wrong: "\
GET /api HTTP/1.1
Host: a.example
Origin: https://b.example

HTTP/1.1 200 OK
Access-Control-Allow-Origin: https://b.example
Cache-Control: max-age=60
Content-Type: text/plain

Hello.
",
    right: "\
GET /api HTTP/1.1
Host: a.example
Origin: https://b.example

HTTP/1.1 200 OK
Access-Control-Allow-Origin: https://b.example
Cache-Control: max-age=60
Vary: Origin
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let (Some(response), Some(request)) = (exchange.final_response(), &exchange.request) else {
        return;
    };
    let allowed = response.fields.text("access-control-allow-origin");
    if allowed.is_none() || allowed != request.fields.text("origin") {
        return;
    }
    let varies = response.fields.tokens("vary");
    let says_so = varies.iter().any(|name| name == "origin" || name == "*");
    if !says_so && !has_directive(&response.fields, "no-store") {
        findings.add_in(&response.fields, "Vary", "Vary does not name Origin");
    }
}
