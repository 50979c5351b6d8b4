//! U090: Link has a member that is not a link.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::link::links_of;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U090",
    level: NoteLevel::Error,
    summary: "Link has a member that is not a link",
    why: "A link is a target in `<>` followed by parameters, one of which is `rel`. Readers skip \
          what they cannot parse, or the rest of the field with it.",
    source: "RFC 8288 §3.3",
    quote: Some("The rel parameter MUST be present"),
    wrong: "\
HTTP/1.1 200 OK
Deprecation: @1780272000
Sunset: Tue, 01 Dec 2026 00:00:00 GMT
Link: https://a.example/docs; rel=\"deprecation\"
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
        for member in links_of(&response.fields).into_iter().filter_map(Result::err) {
            let message = format!("`{member}` is not of the form `<URL>; rel=\"…\"`");
            findings.add_in(&response.fields, "Link", message);
        }
    }
}
