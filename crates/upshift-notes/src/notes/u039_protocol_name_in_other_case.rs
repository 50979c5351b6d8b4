//! U039: Upgrade spells a registered name in another case.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::protocol_names::{REGISTERED, is_registered};
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U039",
    level: NoteLevel::Info,
    summary: "Upgrade spells a registered name in another case",
    why: "Protocol names are case-insensitive, but not for every implementation: Squid compares \
          its list of protocols exactly. Write the name as it is registered.",
    source: "RFC 9110 §7.8",
    quote: Some(
        "Recipients SHOULD use case-insensitive comparison when matching each protocol-name to \
         supported protocols",
    ),
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: WEBSOCKET
Connection: upgrade
Sec-WebSocket-Version: 13
Content-Type: text/plain

Use a WebSocket.
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
            if is_registered(name) && !REGISTERED.contains(&name) {
                let message = format!("`{name}` is registered in another case");
                findings.add_in(section, "Upgrade", message);
            }
        }
    }
}
