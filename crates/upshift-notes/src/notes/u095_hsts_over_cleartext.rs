//! U095: Strict-Transport-Security is sent over cleartext.

use upshift_record::NoteLevel;

use crate::exchange::{Exchange, Transport};
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U095",
    level: NoteLevel::Error,
    summary: "Strict-Transport-Security is sent over cleartext",
    why: "Browsers ignore it there, because anyone on the path could have added it. Send it over \
          TLS, and redirect or refuse over cleartext.",
    source: "RFC 6797 §7.2",
    quote: Some(
        "An HSTS Host MUST NOT include the STS header field in HTTP responses conveyed over \
         non-secure transport",
    ),
    wrong: "\
# url: http://a.example/
HTTP/1.1 200 OK
Strict-Transport-Security: max-age=31536000
Content-Type: text/plain

Hello.
",
    right: "\
# url: https://a.example/
HTTP/1.1 200 OK
Strict-Transport-Security: max-age=31536000
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(response) = exchange.final_response() else { return };
    let has_it = response.fields.has("strict-transport-security");
    if exchange.transport == Transport::Cleartext && has_it {
        let message = "browsers ignore the field over cleartext";
        findings.add_in(&response.fields, "Strict-Transport-Security", message);
    }
}
