//! U081: A 103 is sent over HTTP/1.1.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U081",
    level: NoteLevel::Info,
    summary: "A 103 is sent over HTTP/1.1",
    why: "Old clients of HTTP/1.1 take it for the final response, and are then one response behind \
          on the connection. Browsers use hints over HTTP/2 and HTTP/3 only, so send them there.",
    source: "RFC 8297 §3",
    quote: None,
    wrong: "\
HTTP/1.1 103 Early Hints
Link: </main.css>; rel=preload; as=style

HTTP/1.1 200 OK
Content-Type: text/plain

Hello.
",
    right: "\
# url: https://a.example/
HTTP/2 103
link: </main.css>; rel=preload; as=style

HTTP/2 200
content-type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for response in exchange.responses.iter().filter(|response| response.status == 103) {
        if response.fields.is_http1() {
            findings.add(&response.fields, "old clients take it for the final response");
        }
    }
}
