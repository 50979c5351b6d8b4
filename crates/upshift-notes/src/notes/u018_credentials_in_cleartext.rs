//! U018: Credentials were sent in cleartext to a server that requires TLS.

use upshift_record::NoteLevel;

use crate::exchange::{Exchange, Transport};
use crate::fields::protocol_names::protocols_named;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U018",
    level: NoteLevel::Warn,
    summary: "Credentials were sent in cleartext to a server that requires TLS",
    why: "The refusal comes too late for them: anyone on the path may have read them. Treat them \
          as compromised, and use https: from the start.",
    source: "RFC 9110 §17.16.1",
    quote: None,
    wrong: "\
# url: http://a.example/account
GET /account HTTP/1.1
Host: a.example
Authorization: Bearer abc

HTTP/1.1 426 Upgrade Required
Upgrade: TLS/1.2
Connection: upgrade
Content-Type: text/plain

Use https://a.example/account.
",
    right: "\
# url: http://a.example/account
GET /account HTTP/1.1
Host: a.example

HTTP/1.1 426 Upgrade Required
Upgrade: TLS/1.2
Connection: upgrade
Content-Type: text/plain

Use https://a.example/account.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let (Some(refusal), Some(request)) = (exchange.refusal(), &exchange.request) else { return };
    let requires_tls = !protocols_named(&refusal.fields, "TLS").is_empty();
    if exchange.transport != Transport::Cleartext || !requires_tls {
        return;
    }
    for (name, field) in [("authorization", "Authorization"), ("cookie", "Cookie")] {
        if request.fields.has(name) {
            findings.add_in(&request.fields, field, format!("{field} was sent in cleartext"));
        }
    }
}
