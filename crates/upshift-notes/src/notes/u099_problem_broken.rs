//! U099: Problem details are not a JSON object.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::problem::{ProblemDetails, problem_of};
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U099",
    level: NoteLevel::Error,
    summary: "Problem details are not a JSON object",
    why: "Client libraries parse this media type, and report a parse error in place of the \
          problem.",
    source: "RFC 9457 §3",
    quote: None,
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: api/2.0
Connection: upgrade
Content-Type: application/problem+json

Use version 2.0 of the API.
",
    right: "\
HTTP/1.1 426 Upgrade Required
Upgrade: api/2.0
Connection: upgrade
Content-Type: application/problem+json

{\"title\":\"Upgrade Required\",\"status\":426,\"detail\":\"Use version 2.0 of the API.\"}
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(response) = exchange.final_response() else { return };
    if let Some(ProblemDetails::Broken(why)) = problem_of(response) {
        findings.add(&response.fields, format!("the content cannot be read: {why}"));
    }
}
