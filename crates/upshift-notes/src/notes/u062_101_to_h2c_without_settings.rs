//! U062: A 101 switches to HTTP/2 without exactly one HTTP2-Settings.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::protocol_names::protocols_named;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U062",
    level: NoteLevel::Error,
    summary: "A 101 switches to HTTP/2 without exactly one HTTP2-Settings",
    why: "The field has the settings with which the connection begins. Proxies that remove it from \
          a smuggled offer rely on the server to decline.",
    source: "RFC 7540 §3.2.1",
    quote: Some(
        "A server MUST NOT upgrade the connection to HTTP/2 if this header field is not present or \
         if more than one is present",
    ),
    wrong: "\
GET / HTTP/1.1
Host: a.example
Upgrade: h2c
Connection: Upgrade

HTTP/1.1 101 Switching Protocols
Upgrade: h2c
Connection: Upgrade

HTTP/2 200
content-type: text/plain

Hello.
",
    right: "\
GET / HTTP/1.1
Host: a.example

HTTP/1.1 200 OK
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let (Some(switch), Some(request)) = (exchange.switch(), &exchange.request) else { return };
    let count = request.fields.line_texts("http2-settings").len();
    if count != 1 && !protocols_named(&switch.fields, "h2c").is_empty() {
        let message = format!("the request has {count} HTTP2-Settings lines");
        findings.add(&switch.fields, message);
    }
}
