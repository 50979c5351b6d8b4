//! U083: A 505 does not say which versions are supported.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U083",
    level: NoteLevel::Warn,
    summary: "A 505 does not say which versions are supported",
    why: "The client knows only that its version is refused.",
    source: "RFC 9110 §15.6.6",
    quote: Some(
        "The server SHOULD generate a representation for the 505 response that describes why that \
         version is not supported and what other protocols are supported by that server",
    ),
    wrong: "\
HTTP/1.1 505 HTTP Version Not Supported
Content-Length: 0
",
    right: "\
HTTP/1.1 505 HTTP Version Not Supported
Content-Type: text/plain

Supported: HTTP/1.1, HTTP/2.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(response) = exchange.final_response() else { return };
    if response.status == 505 && response.is_empty() {
        findings.add(&response.fields, "the 505 has no content");
    }
}
