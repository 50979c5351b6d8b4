//! U085: Deprecation is not a date.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::retirement::parse_deprecation;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U085",
    level: NoteLevel::Error,
    summary: "Deprecation is not a date",
    why: "The RFC has one form: `@` and the seconds since 1970. `true` and HTTP dates are from \
          drafts; tools that follow the RFC ignore them.",
    source: "RFC 9745 §2.1",
    quote: None,
    wrong: "\
HTTP/1.1 200 OK
Deprecation: true
Sunset: Tue, 01 Dec 2026 00:00:00 GMT
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
        if let Some(value) = response.fields.text("deprecation")
            && parse_deprecation(&value).is_none()
        {
            let message = format!("`{value}` is not of the form `@1780272000`");
            findings.add_in(&response.fields, "Deprecation", message);
        }
    }
}
