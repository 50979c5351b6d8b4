//! U016: A 426 for HTTP/3 does not say where HTTP/3 is.

use upshift_core::field::Protocol;
use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U016",
    level: NoteLevel::Warn,
    summary: "A 426 for HTTP/3 does not say where HTTP/3 is",
    why: "HTTP/3 runs over QUIC, so no switch of this connection leads there. A client finds it by \
          Alt-Svc or by an HTTPS record in DNS. Send Alt-Svc with the refusal.",
    source: "RFC 9114 §3.1.1",
    quote: None,
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: HTTP/3.0
Connection: upgrade
Content-Type: text/plain

Use HTTP/3.
",
    right: "\
HTTP/1.1 426 Upgrade Required
Upgrade: HTTP/3.0
Connection: upgrade
Alt-Svc: h3=\":443\"; ma=86400
Content-Type: text/plain

Use HTTP/3.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(refusal) = exchange.refusal() else { return };
    // Beside another protocol, HTTP/3 is one way among several.
    let protocols = refusal.fields.protocols();
    let requires_http3 = !protocols.is_empty() && protocols.iter().all(is_http3);
    if requires_http3 && !refusal.fields.has("alt-svc") {
        findings.add_in(&refusal.fields, "Alt-Svc", "the 426 for HTTP/3 has no Alt-Svc field");
    }
}

fn is_http3(protocol: &Protocol) -> bool {
    let version = protocol.version().unwrap_or_default();
    protocol.is_named("h3") || (protocol.is_named("HTTP") && version.starts_with('3'))
}
