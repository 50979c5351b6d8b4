//! U038: Upgrade names a protocol that is not registered.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::protocol_names::{is_mistaken, is_registered};
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U038",
    level: NoteLevel::Info,
    summary: "Upgrade names a protocol that is not registered",
    why: "Such a name is legal, and only clients that know this server understand it. That is \
          usual for versions of an API or of an app; explain it in the content, and in the \
          documentation.",
    source: "RFC 9110 §7.8",
    quote: Some(
        "Additional protocol names ought to be registered using the registration procedure defined \
         in Section 16.7",
    ),
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: api/2.0
Connection: upgrade
Content-Type: text/plain

Use version 2.0 of the API.
",
    right: "\
HTTP/1.1 426 Upgrade Required
Upgrade: websocket
Connection: upgrade
Sec-WebSocket-Version: 13
Content-Type: text/plain

Use a WebSocket.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        for protocol in section.protocols() {
            let name = protocol.name();
            if !is_registered(name) && !is_mistaken(name) {
                findings.add_in(section, "Upgrade", format!("`{name}` is not registered"));
            }
        }
    }
}
