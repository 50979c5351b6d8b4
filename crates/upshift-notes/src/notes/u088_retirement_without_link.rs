//! U088: A retirement is announced without a link.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::link::has_relation;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U088",
    level: NoteLevel::Info,
    summary: "A retirement is announced without a link",
    why: "A developer who finds the date wants to know what to use instead. Link to it with \
          `deprecation`, `sunset` or `successor-version`.",
    source: "RFC 9745 §3",
    quote: None,
    wrong: "\
HTTP/1.1 200 OK
Deprecation: @1780272000
Sunset: Tue, 01 Dec 2026 00:00:00 GMT
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

const RELATIONS: [&str; 4] = ["deprecation", "sunset", "successor-version", "latest-version"];

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for response in &exchange.responses {
        let section = &response.fields;
        let is_announced = section.has("deprecation") || section.has("sunset");
        if is_announced && !has_relation(section, &RELATIONS) {
            findings.add_in(section, "Link", "no link says what to use instead");
        }
    }
}
