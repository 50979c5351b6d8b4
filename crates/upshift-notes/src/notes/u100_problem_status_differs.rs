//! U100: The status in the problem details is not that of the response.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::problem::problem_members;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U100",
    level: NoteLevel::Error,
    summary: "The status in the problem details is not that of the response",
    why: "Software that reads the content acts on one status, and software that reads the response \
          on the other.",
    source: "RFC 9457 §3.1.2",
    quote: None,
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: api/2.0
Connection: upgrade
Content-Type: application/problem+json

{\"title\":\"Upgrade Required\",\"status\":400,\"detail\":\"Use version 2.0 of the API.\"}
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
    if let Some(status) = problem.get("status")
        && status.is_number()
        && status.as_u64() != Some(u64::from(response.status))
    {
        let message =
            format!("the member `status` is {status}, the response's {}", response.status);
        findings.add(&response.fields, message);
    }
}
