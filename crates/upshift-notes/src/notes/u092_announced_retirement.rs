//! U092: A retirement is announced with both dates and a link.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::link::has_relation;
use crate::fields::retirement::{deprecation_time, sunset_time};
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U092",
    level: NoteLevel::Good,
    summary: "A retirement is announced with both dates and a link",
    why: "Tools and people learn when the resource is deprecated, when it ends, and what to use \
          instead.",
    source: "RFC 9745 §2.1",
    quote: None,
    wrong: "\
HTTP/1.1 200 OK
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
        if let (Some(deprecated), Some(sunset)) = (deprecation_time(section), sunset_time(section))
            && deprecated <= sunset
            && has_relation(section, &RELATIONS)
        {
            findings.add(section, format!("the resource is announced to end on {sunset}"));
        }
    }
}
