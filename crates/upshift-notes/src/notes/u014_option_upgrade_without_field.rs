//! U014: Connection names Upgrade, but there is no Upgrade field.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U014",
    level: NoteLevel::Warn,
    summary: "Connection names Upgrade, but there is no Upgrade field",
    why: "The sender meant to send Upgrade. Either it forgot the field, or a hop between removed \
          it and left the option: compare with what the server itself sends.",
    source: "RFC 9110 §7.6.1",
    quote: Some(
        "Intermediaries MUST parse a received Connection header field before a message is \
         forwarded and, for each connection-option in this field, remove any header or trailer \
         field(s) from the message with the same name as the connection-option, and then remove \
         the Connection header field itself",
    ),
    wrong: "\
GET /chat HTTP/1.1
Host: a.example
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13
",
    right: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        let names_it = section.connection().contains("upgrade");
        if section.is_http1() && names_it && !section.has("upgrade") {
            findings.add_in(
                section,
                "Connection",
                "`upgrade` is named, and there is no Upgrade field",
            );
        }
    }
}
