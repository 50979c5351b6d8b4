//! U035: Upgrade names TLS without a version such as 1.2.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::protocol_names::is_two_digits;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U035",
    level: NoteLevel::Warn,
    summary: "Upgrade names TLS without a version such as 1.2",
    why: "The registry expects `TLS/` and a version of two digits with a point between, as in \
          `TLS/1.2`. A client cannot compare another spelling with what it speaks.",
    source: "RFC 2817 §7.2",
    quote: None,
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: TLSv1.2
Connection: upgrade
Content-Type: text/plain

Use https://a.example/.
",
    right: "\
HTTP/1.1 426 Upgrade Required
Upgrade: TLS/1.2
Connection: upgrade
Content-Type: text/plain

Use https://a.example/.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        for protocol in section.protocols() {
            let name = protocol.name().to_ascii_lowercase();
            let is_tls = protocol.is_named("TLS");
            let is_misspelt = name.starts_with("tlsv") || name.starts_with("tls1");
            if is_misspelt || (is_tls && !is_two_digits(protocol.version())) {
                let message = format!("`{protocol}` is not of the form `TLS/1.2`");
                findings.add_in(section, "Upgrade", message);
            }
        }
    }
}
