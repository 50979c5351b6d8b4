//! U080: A 103 has no Link.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U080",
    level: NoteLevel::Info,
    summary: "A 103 has no Link",
    why: "Hints are links to preload or preconnect. Without one, the response costs octets and \
          gives clients nothing to do.",
    source: "RFC 8297 §2",
    quote: None,
    wrong: "\
HTTP/1.1 103 Early Hints
X-Stage: 1

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
        if !response.fields.has("link") {
            findings.add_in(&response.fields, "Link", "the 103 has no Link field");
        }
    }
}
