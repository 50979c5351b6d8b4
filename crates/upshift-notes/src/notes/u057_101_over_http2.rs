//! U057: A 101 is sent over HTTP/2 or HTTP/3.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U057",
    level: NoteLevel::Error,
    summary: "A 101 is sent over HTTP/2 or HTTP/3",
    why: "These versions have no 101: streams of other requests share the connection, so it cannot \
          switch. WebSockets use the extended CONNECT there, whose success is a 200.",
    source: "RFC 9113 §8.6",
    quote: Some("HTTP/2 does not support the 101 (Switching Protocols) informational status code"),
    wrong: "\
# url: https://a.example/
GET /chat HTTP/2
Host: a.example

HTTP/2 101
",
    right: "\
# url: https://a.example/
GET /chat HTTP/2
Host: a.example

HTTP/2 200
content-type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(switch) = exchange.switch() else { return };
    if switch.fields.is_multiplexed() {
        findings.add(&switch.fields, "this version of HTTP has no 101");
    }
}
