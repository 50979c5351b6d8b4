//! U034: Upgrade names HTTPS, which is a scheme, not a protocol.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U034",
    level: NoteLevel::Warn,
    summary: "Upgrade names HTTPS, which is a scheme, not a protocol",
    why: "There is no protocol called HTTPS: the scheme stands for HTTP inside TLS. Require \
          `TLS/1.2` (or newer), and give the https URL in the content.",
    source: "RFC 2817 §3.1",
    quote: None,
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: HTTP/2.0, HTTPS/1.1
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
            if protocol.is_named("HTTPS") || protocol.is_named("SSL") {
                let message = format!("`{protocol}` is no protocol for Upgrade; `TLS/1.2` is");
                findings.add_in(section, "Upgrade", message);
            }
        }
    }
}
