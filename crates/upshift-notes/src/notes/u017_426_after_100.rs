//! U017: A 426 follows a 100 (Continue).

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U017",
    level: NoteLevel::Info,
    summary: "A 426 follows a 100 (Continue)",
    why: "The client sent its content for nothing. The fields already showed that the request \
          would be refused: answer with the 426 at once, instead of the 100.",
    source: "RFC 9110 §10.1.1",
    quote: None,
    wrong: "\
PUT /upload HTTP/1.1
Host: a.example
Expect: 100-continue
Content-Length: 5

hello
HTTP/1.1 100 Continue

HTTP/1.1 426 Upgrade Required
Upgrade: client/5.1
Connection: upgrade
Content-Type: text/plain

Update the app.
",
    right: "\
PUT /upload HTTP/1.1
Host: a.example
Expect: 100-continue
Content-Length: 5

HTTP/1.1 426 Upgrade Required
Upgrade: client/5.1
Connection: upgrade
Content-Type: text/plain

Update the app.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(refusal) = exchange.refusal() else { return };
    if exchange.responses.iter().any(|response| response.status == 100) {
        findings.add(&refusal.fields, "the content was asked for with a 100, and then refused");
    }
}
