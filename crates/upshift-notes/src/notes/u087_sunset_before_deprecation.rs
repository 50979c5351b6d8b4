//! U087: Sunset is before Deprecation.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::retirement::{deprecation_time, sunset_time};
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U087",
    level: NoteLevel::Error,
    summary: "Sunset is before Deprecation",
    why: "A resource cannot end before it is deprecated, so a client cannot tell which of the \
          dates is wrong.",
    source: "RFC 9745 §4",
    quote: None,
    wrong: "\
HTTP/1.1 200 OK
Deprecation: @1780272000
Sunset: Fri, 01 May 2026 00:00:00 GMT
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
        let section = &response.fields;
        if let (Some(deprecated), Some(sunset)) = (deprecation_time(section), sunset_time(section))
            && sunset < deprecated
        {
            let message = format!("the sunset is {sunset}, the deprecation {deprecated}");
            findings.add_in(section, "Sunset", message);
        }
    }
}
