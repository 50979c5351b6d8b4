//! U048: HTTP2-Settings is sent over HTTP/2 or HTTP/3.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U048",
    level: NoteLevel::Warn,
    summary: "HTTP2-Settings is sent over HTTP/2 or HTTP/3",
    why: "The field belongs to the switch from HTTP/1.1 to HTTP/2. Behind a proxy it is the rest \
          of a client's h2c offer that was only partly removed.",
    source: "RFC 9113 §3.1",
    quote: None,
    wrong: "\
# url: https://a.example/
GET / HTTP/2
Host: a.example
http2-settings: AAMAAABkAAQAoAAAAAIAAAAA
",
    right: "\
# url: https://a.example/
GET / HTTP/2
Host: a.example
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        if section.is_multiplexed() && section.has("http2-settings") {
            let message = "the field has no meaning after the switch";
            findings.add_in(section, "HTTP2-Settings", message);
        }
    }
}
