//! U044: h2c is named inside TLS.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::protocol_names::protocols_named;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U044",
    level: NoteLevel::Error,
    summary: "h2c is named inside TLS",
    why: "`h2c` is HTTP/2 without TLS. Inside TLS, HTTP/2 is chosen by ALPN as `h2`.",
    source: "RFC 9113 §3.2",
    quote: Some("the \"h2c\" protocol identifier describes a protocol that does not use TLS"),
    wrong: "\
# url: https://a.example/
HTTP/1.1 200 OK
Upgrade: h2c
Connection: Upgrade
Content-Type: text/plain

Hello.
",
    right: "\
# url: https://a.example/
HTTP/1.1 200 OK
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        if exchange.transport.is_tls() && !protocols_named(section, "h2c").is_empty() {
            findings.add_in(section, "Upgrade", "`h2c` does not use TLS, and this connection does");
        }
    }
}
