//! U015: A 426 for TLS does not give the https URL.

use upshift_record::NoteLevel;

use crate::exchange::{Exchange, Response, Transport};
use crate::fields::protocol_names::protocols_named;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U015",
    level: NoteLevel::Info,
    summary: "A 426 for TLS does not give the https URL",
    why: "Hardly any client performs TLS inside a cleartext connection. What helps is the URL to \
          use instead, in the content, so that a person finds it and a client can rewrite its \
          configuration.",
    source: "RFC 9110 §15.5",
    quote: None,
    wrong: "\
# url: http://a.example/account
GET /account HTTP/1.1
Host: a.example

HTTP/1.1 426 Upgrade Required
Upgrade: TLS/1.2
Connection: upgrade
Content-Type: text/plain

TLS is required.
",
    right: "\
# url: http://a.example/account
GET /account HTTP/1.1
Host: a.example

HTTP/1.1 426 Upgrade Required
Upgrade: TLS/1.2
Connection: upgrade
Content-Type: text/plain

TLS is required: use https://a.example/account.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(refusal) = exchange.refusal() else { return };
    let requires_tls = !protocols_named(&refusal.fields, "TLS").is_empty();
    // A content that was not recorded may have it.
    let is_known = refusal.body_is_whole && (!refusal.body.is_empty() || refusal.is_empty());
    if exchange.transport == Transport::Cleartext && requires_tls && is_known && !has_url(refusal) {
        findings.add(&refusal.fields, "no https URL is in the content, in Link or in Location");
    }
}

fn has_url(refusal: &Response<'_>) -> bool {
    let content = String::from_utf8_lossy(refusal.body);
    let fields = [refusal.fields.text("link"), refusal.fields.text("location")];
    content.contains("https:") || fields.into_iter().flatten().any(|text| text.contains("https:"))
}
