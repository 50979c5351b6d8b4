//! U030: Upgrade names h2, which is not a protocol for Upgrade.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U030",
    level: NoteLevel::Warn,
    summary: "Upgrade names h2, which is not a protocol for Upgrade",
    why: "`h2` stands for HTTP/2 over TLS, which ALPN chooses in the TLS handshake. It is not \
          registered for Upgrade, and servers have to ignore it. A 426 for HTTP/2 says \
          `HTTP/2.0`, and explains in its content how to get there.",
    source: "RFC 7540 §3.2",
    quote: Some("A server MUST ignore an \"h2\" token in an Upgrade header field"),
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: h2
Connection: upgrade
Content-Type: text/plain

Use HTTP/2.
",
    right: "\
HTTP/1.1 426 Upgrade Required
Upgrade: HTTP/2.0
Connection: upgrade
Content-Type: text/plain

Use HTTP/2: by ALPN at https://a.example/.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        for protocol in section.protocols() {
            if protocol.is_named("h2") || protocol.is_named("http2") {
                let message = format!("`{protocol}` means HTTP/2 over TLS, which ALPN chooses");
                findings.add_in(section, "Upgrade", message);
            }
        }
    }
}
