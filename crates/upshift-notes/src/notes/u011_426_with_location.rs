//! U011: A 426 has a Location, which no client follows.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U011",
    level: NoteLevel::Info,
    summary: "A 426 has a Location, which no client follows",
    why: "Location has a meaning with 201 and 3xx. On a 426 it may help a person who reads it, but \
          browsers and libraries ignore it. The place for the URL is the content; a redirect that \
          has to be followed is a 307 or 308.",
    source: "RFC 9110 §10.2.2",
    quote: Some(
        "The type of relationship is defined by the combination of request method and status code \
         semantics",
    ),
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: TLS/1.2
Connection: upgrade
Location: https://a.example/account
Content-Type: text/plain

Use https://a.example/account.
",
    right: "\
HTTP/1.1 426 Upgrade Required
Upgrade: TLS/1.2
Connection: upgrade
Content-Type: text/plain

Use https://a.example/account.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(refusal) = exchange.refusal() else { return };
    if let Some(location) = refusal.fields.text("location") {
        let message = format!("no client follows `{location}` on a 426");
        findings.add_in(&refusal.fields, "Location", message);
    }
}
