//! U051: Proxy-Connection is not a standard field.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U051",
    level: NoteLevel::Info,
    summary: "Proxy-Connection is not a standard field",
    why: "Old clients sent it to proxies instead of Connection, and it has never worked across two \
          of them. Leave it out.",
    source: "RFC 9112 §C.2.2",
    quote: Some(
        "clients are encouraged not to send the Proxy-Connection header field in any requests",
    ),
    wrong: "\
GET http://a.example/ HTTP/1.1
Host: a.example
Proxy-Connection: keep-alive
",
    right: "\
GET http://a.example/ HTTP/1.1
Host: a.example
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        if section.is_http1() && section.has("proxy-connection") {
            findings.add_in(section, "Proxy-Connection", "the field is not standard");
        }
    }
}
