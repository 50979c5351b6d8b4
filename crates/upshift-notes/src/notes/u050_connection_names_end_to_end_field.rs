//! U050: Connection names a field that is meant for all recipients.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U050",
    level: NoteLevel::Error,
    summary: "Connection names a field that is meant for all recipients",
    why: "The next hop removes the field that is named. Attackers use it to make a proxy drop what \
          the server relies on.",
    source: "RFC 9110 §7.6.1",
    quote: Some(
        "A sender MUST NOT send a connection option corresponding to a field that is intended for \
         all recipients of the content",
    ),
    wrong: "\
GET / HTTP/1.1
Host: a.example
Connection: keep-alive, Authorization
Authorization: Bearer abc
",
    right: "\
GET / HTTP/1.1
Host: a.example
Connection: keep-alive
Authorization: Bearer abc
",
    check,
};

const END_TO_END: [&str; 12] = [
    "authorization",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "host",
    "location",
    "origin",
    "set-cookie",
    "vary",
];

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        for option in section.tokens("connection") {
            if END_TO_END.contains(&option.as_str()) {
                let message = format!("the next hop removes the field `{option}`");
                findings.add_in(section, "Connection", message);
            }
        }
    }
}
