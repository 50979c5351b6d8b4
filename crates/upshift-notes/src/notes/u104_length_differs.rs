//! U104: Content-Length is not the length of the content.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U104",
    level: NoteLevel::Error,
    summary: "Content-Length is not the length of the content",
    why: "A client that reads by the length waits for octets that do not come, or takes the rest \
          for the next response.",
    source: "RFC 9110 §8.6",
    quote: None,
    wrong: "\
HTTP/1.1 200 OK
Content-Length: 60
Content-Type: text/plain

Hello.
",
    right: "\
HTTP/1.1 200 OK
Content-Length: 6
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(response) = exchange.final_response() else { return };
    let is_head = exchange.request.as_ref().is_some_and(|request| request.method == "HEAD");
    let is_coded = response.fields.has("content-encoding");
    let was_recorded = response.body_is_whole && !response.body.is_empty();
    if is_head || is_coded || !was_recorded || response.fields.has("transfer-encoding") {
        return;
    }
    let length = response.fields.text("content-length").and_then(|text| text.parse::<usize>().ok());
    if let Some(length) = length
        && length != response.body.len()
    {
        let message = format!("it is {length}, and the content has {} octets", response.body.len());
        findings.add_in(&response.fields, "Content-Length", message);
    }
}
