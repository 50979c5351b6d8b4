//! U037: A 426 lists TLS and HTTP/1.1, which can be read in two ways.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::protocol_names::protocols_named;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U037",
    level: NoteLevel::Info,
    summary: "A 426 lists TLS and HTTP/1.1, which can be read in two ways",
    why: "In a 101 the list is a stack of layers; in a 426 it is a choice, in order of preference. \
          RFC 2817 writes `TLS/1.0, HTTP/1.1` for a stack in a 426, too, but read by RFC 9110 it \
          says that HTTP/1.1 alone would do. Unless the server performs this switch, name TLS \
          alone.",
    source: "RFC 9110 §7.8",
    quote: Some(
        "A server that sends a 426 (Upgrade Required) response MUST send an Upgrade header field \
         to indicate the acceptable protocols, in order of descending preference",
    ),
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: TLS/1.2, HTTP/1.1
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
    let Some(refusal) = exchange.refusal() else { return };
    let names_tls = !protocols_named(&refusal.fields, "TLS").is_empty();
    let http = protocols_named(&refusal.fields, "HTTP");
    let names_http1 = http.iter().any(|protocol| protocol.version() == Some("1.1"));
    if names_tls && names_http1 {
        let upgrade = refusal.fields.text("upgrade").unwrap_or_default();
        let message = format!("`{upgrade}` is a stack by RFC 2817, and a choice by RFC 9110");
        findings.add_in(&refusal.fields, "Upgrade", message);
    }
}
