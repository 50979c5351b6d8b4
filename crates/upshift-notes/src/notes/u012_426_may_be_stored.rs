//! U012: A 426 may be stored and reused.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::cache_control::explicit_freshness;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U012",
    level: NoteLevel::Warn,
    summary: "A 426 may be stored and reused",
    why: "A cache then answers with the refusal after the client has been updated, or gives it to \
          clients that meet the requirement. A 426 is not stored unless the response says so: \
          leave that out, or send `Cache-Control: no-store`.",
    source: "RFC 9110 §15.1",
    quote: Some("all other status codes are not heuristically cacheable"),
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: client/5.1
Connection: upgrade
Cache-Control: max-age=3600
Vary: User-Agent
Content-Type: text/plain

Update the app.
",
    right: "\
HTTP/1.1 426 Upgrade Required
Upgrade: client/5.1
Connection: upgrade
Cache-Control: no-store
Vary: User-Agent
Content-Type: text/plain

Update the app.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(refusal) = exchange.refusal() else { return };
    if let Some(statement) = explicit_freshness(&refusal.fields) {
        let message = format!("`{statement}` lets caches reuse the refusal");
        findings.add_in(&refusal.fields, "Cache-Control", message);
    }
}
