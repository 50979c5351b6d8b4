//! U046: A connection-specific field is sent over HTTP/2 or HTTP/3.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U046",
    level: NoteLevel::Error,
    summary: "A connection-specific field is sent over HTTP/2 or HTTP/3",
    why: "The message is malformed, and clients reset the stream. HTTP/2 and HTTP/3 have no \
          Connection, Keep-Alive, Proxy-Connection or Transfer-Encoding.",
    source: "RFC 9113 §8.2.2",
    quote: Some(
        "Any message containing connection-specific header fields MUST be treated as malformed",
    ),
    wrong: "\
# url: https://a.example/
HTTP/2 200
connection: keep-alive
content-type: text/plain

Hello.
",
    right: "\
# url: https://a.example/
HTTP/2 200
content-type: text/plain

Hello.
",
    check,
};

const FIELDS: [(&str, &str); 4] = [
    ("connection", "Connection"),
    ("keep-alive", "Keep-Alive"),
    ("proxy-connection", "Proxy-Connection"),
    ("transfer-encoding", "Transfer-Encoding"),
];

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        for (name, field) in FIELDS {
            if section.is_multiplexed() && section.has(name) {
                findings.add_in(section, field, format!("{field} makes the message malformed"));
            }
        }
    }
}
