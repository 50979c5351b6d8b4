//! U105: A hop on the way speaks HTTP/1.0.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U105",
    level: NoteLevel::Info,
    summary: "A hop on the way speaks HTTP/1.0",
    why: "Via lists the version in which each hop received the message. What HTTP/1.0 does not \
          have, Upgrade and interim responses among it, ends at this hop.",
    source: "RFC 9110 §7.6.3",
    quote: None,
    wrong: "\
HTTP/1.1 200 OK
Via: 1.0 proxy.example
Content-Type: text/plain

Hello.
",
    right: "\
HTTP/1.1 200 OK
Via: 1.1 proxy.example
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        for hop in section.members("via") {
            if hop.starts_with("1.0 ") || hop.starts_with("HTTP/1.0 ") {
                findings.add_in(section, "Via", format!("`{hop}` received it over HTTP/1.0"));
            }
        }
    }
}
