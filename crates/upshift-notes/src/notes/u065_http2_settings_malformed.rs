//! U065: HTTP2-Settings is not the base64url of a SETTINGS payload.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U065",
    level: NoteLevel::Error,
    summary: "HTTP2-Settings is not the base64url of a SETTINGS payload",
    why: "It is base64url without padding, and six octets for each setting. A server that decodes \
          something else may fail the connection after its 101.",
    source: "RFC 7540 §3.2.1",
    quote: Some(
        "The content of the HTTP2-Settings header field is the payload of a SETTINGS frame \
         (Section 6.5), encoded as a base64url string",
    ),
    wrong: "\
GET / HTTP/1.1
Host: a.example
Upgrade: h2c
Connection: Upgrade, HTTP2-Settings
HTTP2-Settings: AAMAAABk==
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
    for settings in request.fields.line_texts("http2-settings") {
        let payload = URL_SAFE_NO_PAD.decode(&settings);
        if !payload.is_ok_and(|payload| payload.len() % 6 == 0) {
            let message = format!("`{settings}` is not a SETTINGS payload");
            findings.add_in(&request.fields, "HTTP2-Settings", message);
        }
    }
}
