//! U064: An offer of h2c is incomplete.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U064",
    level: NoteLevel::Error,
    summary: "An offer of h2c is incomplete",
    why: "It needs exactly one HTTP2-Settings field, which Connection has to name. A server has to \
          decline anything else, so the client stays with HTTP/1.1 and gets no error to show for \
          it.",
    source: "RFC 7540 §3.2",
    quote: Some("Such an HTTP/1.1 request MUST include exactly one HTTP2-Settings"),
    wrong: "\
GET / HTTP/1.1
Host: a.example
Upgrade: h2c
Connection: Upgrade
HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA
",
    right: "\
GET / HTTP/1.1
Host: a.example
Upgrade: h2c
Connection: Upgrade, HTTP2-Settings
HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(request) = &exchange.request else { return };
    if !request.offers("h2c") {
        return;
    }
    let count = request.fields.line_texts("http2-settings").len();
    if count != 1 {
        let message = format!("the request has {count} HTTP2-Settings lines, not one");
        findings.add_in(&request.fields, "HTTP2-Settings", message);
    } else if !request.fields.connection().contains("http2-settings") {
        let message = "Connection does not name HTTP2-Settings";
        findings.add_in(&request.fields, "Connection", message);
    }
}
