//! U031: Upgrade names h3, which is not a protocol for Upgrade.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U031",
    level: NoteLevel::Warn,
    summary: "Upgrade names h3, which is not a protocol for Upgrade",
    why: "HTTP/3 runs over QUIC, and Upgrade cannot leave the TCP connection. `h3` belongs in \
          Alt-Svc.",
    source: "RFC 9110 §7.8",
    quote: Some("it cannot be used to switch the underlying connection (transport) protocol"),
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: h3
Connection: upgrade
Alt-Svc: h3=\":443\"
Content-Type: text/plain

Use HTTP/3.
",
    right: "\
HTTP/1.1 426 Upgrade Required
Upgrade: HTTP/3.0
Connection: upgrade
Alt-Svc: h3=\":443\"
Content-Type: text/plain

Use HTTP/3.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        for protocol in section.protocols() {
            if protocol.is_named("h3") || protocol.is_named("http3") {
                let message = format!("`{protocol}` runs over QUIC, not over this connection");
                findings.add_in(section, "Upgrade", message);
            }
        }
    }
}
