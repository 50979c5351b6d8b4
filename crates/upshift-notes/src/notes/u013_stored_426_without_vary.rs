//! U013: A 426 may be stored, and Vary does not name the fields it depends on.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::cache_control::explicit_freshness;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U013",
    level: NoteLevel::Warn,
    summary: "A 426 may be stored, and Vary does not name the fields it depends on",
    why: "The refusal depends on the request: its version of an API, its client, its protocol. \
          Without Vary, a cache reuses it for requests that would be admitted.",
    source: "RFC 9110 §12.5.5",
    quote: None,
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: api/2.0
Connection: upgrade
Cache-Control: max-age=60
Content-Type: text/plain

Use version 2.0 of the API.
",
    right: "\
HTTP/1.1 426 Upgrade Required
Upgrade: api/2.0
Connection: upgrade
Cache-Control: no-store
Vary: X-Api-Version
Content-Type: text/plain

Use version 2.0 of the API.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(refusal) = exchange.refusal() else { return };
    if explicit_freshness(&refusal.fields).is_some() && !refusal.fields.has("vary") {
        findings.add_in(&refusal.fields, "Vary", "the stored 426 has no Vary field");
    }
}
