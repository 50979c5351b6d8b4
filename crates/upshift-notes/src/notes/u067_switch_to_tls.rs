//! U067: A connection switches from cleartext to TLS.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::protocol_names::protocols_named;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U067",
    level: NoteLevel::Warn,
    summary: "A connection switches from cleartext to TLS",
    why: "If the same server also has an https: port, an attacker on the path can join a victim's \
          TLS handshake to a cleartext connection, and responses are mixed up (the Opossum \
          attack, CVE-2025-49812). Apache removed the switch for it. Keep it for printers that \
          need it, and use https: elsewhere.",
    source: "RFC 2817 §3.3",
    quote: None,
    wrong: "\
# url: http://printer.example/
OPTIONS * HTTP/1.1
Host: printer.example
Upgrade: TLS/1.2
Connection: Upgrade

HTTP/1.1 101 Switching Protocols
Upgrade: TLS/1.2, HTTP/1.1
Connection: Upgrade
",
    right: "\
HTTP/1.1 200 OK
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(switch) = exchange.switch() else { return };
    if !protocols_named(&switch.fields, "TLS").is_empty() {
        findings.add_in(&switch.fields, "Upgrade", "TLS begins inside a cleartext connection");
    }
}
