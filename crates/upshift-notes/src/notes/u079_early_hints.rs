//! U079: A 103 tells the client early what to load.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U079",
    level: NoteLevel::Good,
    summary: "A 103 tells the client early what to load",
    why: "The client fetches these resources while the server still works on the response.",
    source: "RFC 8297 §2",
    quote: None,
    wrong: "\
HTTP/1.1 200 OK
Content-Type: text/plain

Hello.
",
    right: "\
HTTP/1.1 103 Early Hints
Link: </main.css>; rel=preload; as=style

HTTP/1.1 200 OK
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for response in exchange.responses.iter().filter(|response| response.status == 103) {
        if let Some(link) = response.fields.text("link") {
            findings.add_in(&response.fields, "Link", format!("the hint is `{link}`"));
        }
    }
}
