//! U036: Upgrade names a version of TLS that must not be used.

use upshift_core::TlsVersion;
use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::protocol_names::protocols_named;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U036",
    level: NoteLevel::Warn,
    summary: "Upgrade names a version of TLS that must not be used",
    why: "TLS 1.0 and 1.1 are deprecated, and current clients and servers refuse them. A client \
          that takes the value literally cannot connect.",
    source: "RFC 8996 §4",
    quote: None,
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: TLS/1.0
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
        for protocol in protocols_named(section, "TLS") {
            let version = protocol.version().and_then(TlsVersion::parse);
            if version.is_some_and(|version| version < TlsVersion::V1_2) {
                let message = format!("`{protocol}` must not be used");
                findings.add_in(section, "Upgrade", message);
            }
        }
    }
}
