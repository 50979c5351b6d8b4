//! U082: A 100 answers a request that does not expect it.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U082",
    level: NoteLevel::Info,
    summary: "A 100 answers a request that does not expect it",
    why: "Clients discard it. Some servers send it to every POST of an old client; it costs octets \
          and finds bugs in clients.",
    source: "RFC 9110 §15.2.1",
    quote: None,
    wrong: "\
POST / HTTP/1.1
Host: a.example
Content-Length: 5

hello
HTTP/1.1 100 Continue

HTTP/1.1 200 OK
Content-Type: text/plain

Hello.
",
    right: "\
POST / HTTP/1.1
Host: a.example
Expect: 100-continue
Content-Length: 5

hello
HTTP/1.1 100 Continue

HTTP/1.1 200 OK
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(request) = &exchange.request else { return };
    if request.fields.tokens("expect").iter().any(|member| member == "100-continue") {
        return;
    }
    for response in exchange.responses.iter().filter(|response| response.status == 100) {
        findings.add(&response.fields, "the request has no `Expect: 100-continue`");
    }
}
