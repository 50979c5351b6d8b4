//! U024: Any origin is allowed, with credentials.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U024",
    level: NoteLevel::Warn,
    summary: "Any origin is allowed, with credentials",
    why: "Browsers reject the combination: a request with credentials needs its own origin in the \
          response, not `*`. The script gets a network error.",
    source: "Fetch: CORS protocol and credentials",
    quote: None,
    wrong: "\
HTTP/1.1 200 OK
Access-Control-Allow-Origin: *
Access-Control-Allow-Credentials: true
Content-Type: text/plain

Hello.
",
    right: "\
HTTP/1.1 200 OK
Access-Control-Allow-Origin: https://b.example
Access-Control-Allow-Credentials: true
Vary: Origin
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(response) = exchange.final_response() else { return };
    let allows_any = response.fields.text("access-control-allow-origin").as_deref() == Some("*");
    let credentials = response.fields.text("access-control-allow-credentials");
    if allows_any && credentials.as_deref() == Some("true") {
        let message = "browsers reject `*` for requests with credentials";
        findings.add_in(&response.fields, "Access-Control-Allow-Origin", message);
    }
}
