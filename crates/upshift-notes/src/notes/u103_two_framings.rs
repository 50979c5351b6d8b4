//! U103: A message has Content-Length and Transfer-Encoding.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U103",
    level: NoteLevel::Error,
    summary: "A message has Content-Length and Transfer-Encoding",
    why: "Recipients that believe different fields see different messages; requests are smuggled \
          this way.",
    source: "RFC 9112 §6.2",
    quote: Some(
        "A sender MUST NOT send a Content-Length header field in any message that contains a \
         Transfer-Encoding header field",
    ),
    wrong: "\
HTTP/1.1 200 OK
Content-Length: 6
Transfer-Encoding: chunked
Content-Type: text/plain

6
Hello.
0
",
    right: "\
HTTP/1.1 200 OK
Transfer-Encoding: chunked
Content-Type: text/plain

6
Hello.
0
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        let has_both = section.has("content-length") && section.has("transfer-encoding");
        if section.is_http1() && has_both {
            findings.add_in(section, "Content-Length", "there is a Transfer-Encoding, too");
        }
    }
}
