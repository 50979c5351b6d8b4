//! U097: Strict-Transport-Security is sent twice.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U097",
    level: NoteLevel::Warn,
    summary: "Strict-Transport-Security is sent twice",
    why: "Browsers use the first line only. The usual cause is a proxy that adds the field to what \
          the server sends.",
    source: "RFC 6797 §8.1",
    quote: None,
    wrong: "\
# url: https://a.example/
HTTP/1.1 200 OK
Strict-Transport-Security: max-age=0
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
    let lines = response.fields.line_texts("strict-transport-security");
    if lines.len() > 1 {
        let message = format!("only the first of {} lines counts: `{}`", lines.len(), lines[0]);
        findings.add_in(&response.fields, "Strict-Transport-Security", message);
    }
}
