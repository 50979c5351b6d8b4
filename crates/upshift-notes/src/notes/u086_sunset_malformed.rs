//! U086: Sunset is not an HTTP date.

use upshift_core::field::parse_http_date;
use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U086",
    level: NoteLevel::Error,
    summary: "Sunset is not an HTTP date",
    why: "Tools ignore it, so it warns no one. The form is `Tue, 01 Dec 2026 00:00:00 GMT`, not \
          that of Deprecation.",
    source: "RFC 8594 §3",
    quote: None,
    wrong: "\
HTTP/1.1 200 OK
Deprecation: @1780272000
Sunset: 2026-12-01
Link: <https://a.example/docs>; rel=\"deprecation\"
Content-Type: text/plain

Hello.
",
    right: "\
HTTP/1.1 200 OK
Deprecation: @1780272000
Sunset: Tue, 01 Dec 2026 00:00:00 GMT
Link: <https://a.example/docs>; rel=\"deprecation\"
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for response in &exchange.responses {
        if let Some(value) = response.fields.text("sunset")
            && parse_http_date(&value).is_none()
        {
            let message = format!("`{value}` is not of the form `Tue, 01 Dec 2026 00:00:00 GMT`");
            findings.add_in(&response.fields, "Sunset", message);
        }
    }
}
