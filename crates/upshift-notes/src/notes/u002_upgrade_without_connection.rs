//! U002: Upgrade is sent without the connection option.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U002",
    level: NoteLevel::Error,
    summary: "Upgrade is sent without the connection option",
    why: "Upgrade is meant for the next hop only. Without the option `upgrade` in Connection, a \
          proxy may forward the field, and a recipient that knows the rule ignores it.",
    source: "RFC 9110 §7.8",
    quote: Some(
        "A sender of Upgrade MUST also send an \"Upgrade\" connection option in the Connection \
         header field (Section 7.6.1) to inform intermediaries not to forward this field",
    ),
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: websocket
Connection: close
Sec-WebSocket-Version: 13
Content-Type: text/plain

Use a WebSocket.
",
    right: "\
HTTP/1.1 426 Upgrade Required
Upgrade: websocket
Connection: upgrade, close
Sec-WebSocket-Version: 13
Content-Type: text/plain

Use a WebSocket.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        let names_it = section.connection().contains("upgrade");
        if section.is_http1() && section.has("upgrade") && !names_it {
            let message = match section.text("connection") {
                Some(connection) => format!("Connection is `{connection}`, without `upgrade`"),
                None => "there is no Connection field".to_owned(),
            };
            findings.add_in(section, "Connection", message);
        }
    }
}
