//! U032: Upgrade names a version of HTTP to which no connection can switch.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::protocol_names::protocols_named;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U032",
    level: NoteLevel::Info,
    summary: "Upgrade names a version of HTTP to which no connection can switch",
    why: "No specification defines a switch to HTTP/2.0 or HTTP/3.0 by these names: HTTP/2 is \
          chosen by ALPN or prior knowledge, and HTTP/3 has another transport. As a statement of \
          what is required it is understood, and RFC 9110 itself uses it so; the content has to \
          say how to get there.",
    source: "RFC 9110 §7.8",
    quote: Some("it cannot be used to switch the underlying connection (transport) protocol"),
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: HTTP/2.0
Connection: upgrade
Content-Type: text/plain

Use HTTP/2: by ALPN at https://a.example/.
",
    right: "\
HTTP/1.1 200 OK
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        for protocol in protocols_named(section, "HTTP") {
            let version = protocol.version().unwrap_or_default();
            if version.starts_with(['2', '3']) {
                let message =
                    format!("`{protocol}` is a requirement, not a switch that is defined");
                findings.add_in(section, "Upgrade", message);
            }
        }
    }
}
