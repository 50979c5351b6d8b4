//! U027: Retry-After is neither a number of seconds nor a date.

use upshift_core::field::parse_http_date;
use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U027",
    level: NoteLevel::Error,
    summary: "Retry-After is neither a number of seconds nor a date",
    why: "Clients ignore it and use a pause of their own, often none.",
    source: "RFC 9110 §10.2.3",
    quote: Some(
        "The Retry-After field value can be either an HTTP-date or a number of seconds to delay \
         after receiving the response",
    ),
    wrong: "\
HTTP/1.1 503 Service Unavailable
Retry-After: 10m
Content-Type: text/plain

Back soon.
",
    right: "\
HTTP/1.1 503 Service Unavailable
Retry-After: 600
Content-Type: text/plain

Back soon.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(response) = exchange.final_response() else { return };
    let Some(wait) = response.fields.text("retry-after") else { return };
    let is_number = !wait.is_empty() && wait.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number && parse_http_date(&wait).is_none() {
        let message = format!("`{wait}` is neither seconds nor an HTTP date");
        findings.add_in(&response.fields, "Retry-After", message);
    }
}
