//! U021: A response advertises protocols in Upgrade.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U021",
    level: NoteLevel::Info,
    summary: "A response advertises protocols in Upgrade",
    why: "On any status but 101 and 426 the field is an offer for later requests, and this \
          response is complete as it is. Some clients took it for a switch and failed (libgit2, \
          Node behind mod_http2). Leave it out unless clients use it.",
    source: "RFC 9110 §7.8",
    quote: Some(
        "A server MAY send an Upgrade header field in any other response to advertise that it \
         implements support for upgrading to the listed protocols, in order of descending \
         preference, when appropriate for a future request",
    ),
    wrong: "\
HTTP/1.1 200 OK
Upgrade: websocket
Connection: Upgrade
Content-Type: text/plain

Hello.
",
    right: "\
HTTP/1.1 200 OK
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(response) = exchange.final_response() else { return };
    if response.status != 426
        && response.fields.is_http1()
        && let Some(Ok(offered)) = response.fields.upgrade()
    {
        let message = format!("a {} advertises `{offered}`", response.status);
        findings.add_in(&response.fields, "Upgrade", message);
    }
}
