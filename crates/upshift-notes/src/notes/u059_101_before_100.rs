//! U059: A 101 is sent where a 100 has to come first.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U059",
    level: NoteLevel::Error,
    summary: "A 101 is sent where a 100 has to come first",
    why: "The client waits with its content until it sees a 100, and then sends it in HTTP. After \
          the 101 the server no longer reads HTTP, so both wait, or the content is read as the \
          new protocol.",
    source: "RFC 9110 §7.8",
    quote: Some(
        "the server MUST send a 100 (Continue) response before sending a 101 (Switching Protocols) \
         response",
    ),
    wrong: "\
POST /session HTTP/1.1
Host: a.example
Upgrade: TLS/1.2
Connection: Upgrade
Expect: 100-continue
Content-Length: 5

HTTP/1.1 101 Switching Protocols
Upgrade: TLS/1.2, HTTP/1.1
Connection: Upgrade
",
    right: "\
POST /session HTTP/1.1
Host: a.example
Upgrade: derp
Connection: Upgrade
Expect: 100-continue
Content-Length: 5

HTTP/1.1 100 Continue

HTTP/1.1 101 Switching Protocols
Upgrade: derp
Connection: Upgrade
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let (Some(switch), Some(request)) = (exchange.switch(), &exchange.request) else { return };
    let expects = request.fields.tokens("expect").iter().any(|member| member == "100-continue");
    let was_continued = exchange.responses.iter().any(|response| response.status == 100);
    if expects && !was_continued {
        findings.add(&switch.fields, "the request expects a 100, and there was none");
    }
}
