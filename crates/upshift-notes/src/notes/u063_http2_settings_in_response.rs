//! U063: A response has HTTP2-Settings.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U063",
    level: NoteLevel::Error,
    summary: "A response has HTTP2-Settings",
    why: "The field is for requests that offer h2c. In a response, a client may report a malformed \
          message.",
    source: "RFC 7540 §3.2.1",
    quote: Some("A server MUST NOT send this header field"),
    wrong: "\
HTTP/1.1 200 OK
HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA
Content-Type: text/plain

Hello.
",
    right: "\
HTTP/1.1 200 OK
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for response in &exchange.responses {
        if response.fields.has("http2-settings") {
            findings.add_in(&response.fields, "HTTP2-Settings", "a server never sends this field");
        }
    }
}
