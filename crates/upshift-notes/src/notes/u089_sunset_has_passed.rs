//! U089: Sunset is in the past, and the resource still answers.

use upshift_core::field::parse_http_date;
use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::retirement::sunset_time;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U089",
    level: NoteLevel::Warn,
    summary: "Sunset is in the past, and the resource still answers",
    why: "Clients that took the date seriously have left; the others learn that dates do not count \
          here. Refuse, or announce another date.",
    source: "RFC 8594 §3",
    quote: None,
    wrong: "\
HTTP/1.1 200 OK
Date: Fri, 01 Jan 2027 00:00:00 GMT
Deprecation: @1780272000
Sunset: Tue, 01 Dec 2026 00:00:00 GMT
Link: <https://a.example/docs>; rel=\"deprecation\"
Content-Type: text/plain

Hello.
",
    right: "\
HTTP/1.1 200 OK
Date: Mon, 30 Nov 2026 00:00:00 GMT
Deprecation: @1780272000
Sunset: Tue, 01 Dec 2026 00:00:00 GMT
Link: <https://a.example/docs>; rel=\"deprecation\"
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(response) = exchange.final_response() else { return };
    let date = response.fields.text("date").and_then(|date| parse_http_date(&date));
    if let (Some(sunset), Some(date)) = (sunset_time(&response.fields), date)
        && response.is_success()
        && sunset < date
    {
        let message = format!("the sunset was {sunset}, and this is {date}");
        findings.add_in(&response.fields, "Sunset", message);
    }
}
