//! U101: A member of problem details has the wrong type.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::problem::problem_members;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U101",
    level: NoteLevel::Warn,
    summary: "A member of problem details has the wrong type",
    why: "Readers have to ignore the member: `type`, `title`, `detail` and `instance` are strings, \
          and `status` is a number.",
    source: "RFC 9457 §3.1",
    quote: None,
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: api/2.0
Connection: upgrade
Content-Type: application/problem+json

{\"title\":\"Upgrade Required\",\"status\":\"426\",\"detail\":\"Use version 2.0 of the API.\"}
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
    for (name, value) in &problem {
        let is_wrong = match name.as_str() {
            "type" | "title" | "detail" | "instance" => !value.is_string(),
            "status" => !value.is_number(),
            _ => false,
        };
        if is_wrong {
            let message = format!("the member `{name}` is {value}");
            findings.add(&response.fields, message);
        }
    }
}
