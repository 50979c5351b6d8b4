//! U006: A 426 requires a version of TLS that the connection already has.

use upshift_core::TlsVersion;
use upshift_record::NoteLevel;

use crate::exchange::{Exchange, Transport};
use crate::fields::protocol_names::protocols_named;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U006",
    level: NoteLevel::Warn,
    summary: "A 426 requires a version of TLS that the connection already has",
    why: "The client has what is required. The usual cause is a server behind a proxy that ends \
          TLS: it sees cleartext and does not read the proxy's X-Forwarded-Proto.",
    source: "RFC 9110 §15.5.22",
    quote: Some(
        "the server refuses to perform the request using the current protocol but might be willing \
         to do so after the client upgrades to a different protocol",
    ),
    wrong: "\
# url: https://a.example/
# tls: 1.3
GET / HTTP/1.1
Host: a.example

HTTP/1.1 426 Upgrade Required
Upgrade: TLS/1.2
Connection: upgrade
Content-Type: text/plain

Use https://a.example/.
",
    right: "\
# url: http://a.example/
# tls: none
GET / HTTP/1.1
Host: a.example

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
    let Transport::Tls(Some(in_use)) = exchange.transport else { return };
    for protocol in protocols_named(&refusal.fields, "TLS") {
        let required = protocol.version().and_then(TlsVersion::parse);
        if required.is_some_and(|required| required <= in_use) {
            let message = format!("`{protocol}` is required over TLS {}", in_use.as_str());
            findings.add_in(&refusal.fields, "Upgrade", message);
        }
    }
}
