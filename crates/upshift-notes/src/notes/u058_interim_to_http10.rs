//! U058: An interim response is sent to a client of HTTP/1.0.

use upshift_core::HttpVersion;
use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U058",
    level: NoteLevel::Error,
    summary: "An interim response is sent to a client of HTTP/1.0",
    why: "HTTP/1.0 has none, so the client takes it for the final response, and the final one for \
          the response to its next request.",
    source: "RFC 9110 §15.2",
    quote: Some(
        "Since HTTP/1.0 did not define any 1xx status codes, a server MUST NOT send a 1xx response \
         to an HTTP/1.0 client",
    ),
    wrong: "\
GET / HTTP/1.0
Host: a.example

HTTP/1.1 103 Early Hints
Link: </a.css>; rel=preload

HTTP/1.1 200 OK
Content-Type: text/plain

Hello.
",
    right: "\
GET / HTTP/1.0
Host: a.example

HTTP/1.1 200 OK
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(request) = &exchange.request else { return };
    if request.fields.version != Some(HttpVersion::V1_0) {
        return;
    }
    for response in &exchange.responses {
        if response.status < 200 {
            let message = format!("HTTP/1.0 has no {}", response.status);
            findings.add(&response.fields, message);
        }
    }
}
