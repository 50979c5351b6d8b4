//! U102: An error comes with problem details.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::problem::problem_members;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U102",
    level: NoteLevel::Good,
    summary: "An error comes with problem details",
    why: "Programs read from it what went wrong, without parsing prose.",
    source: "RFC 9457 §3",
    quote: None,
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: websocket
Connection: upgrade
Sec-WebSocket-Version: 13
Content-Type: text/plain

Use a WebSocket.
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
    let Some(problem) = problem_members(response) else { return };
    let is_error = response.status >= 400;
    if is_error && (problem.contains_key("title") || problem.contains_key("detail")) {
        findings.add(&response.fields, format!("the {} has problem details", response.status));
    }
}
