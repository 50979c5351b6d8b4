//! U098: Vary names a field that belongs to one connection.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U098",
    level: NoteLevel::Info,
    summary: "Vary names a field that belongs to one connection",
    why: "A cache stores a response for many connections, and does not see the fields of each. \
          Vary on Upgrade or Connection only makes it store less.",
    source: "RFC 9110 §12.5.5",
    quote: None,
    wrong: "\
HTTP/1.1 200 OK
Vary: Accept, Upgrade
Content-Type: text/plain

Hello.
",
    right: "\
HTTP/1.1 200 OK
Vary: Accept
Content-Type: text/plain

Hello.
",
    check,
};

const OF_CONNECTIONS: [&str; 5] =
    ["connection", "keep-alive", "te", "transfer-encoding", "upgrade"];

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(response) = exchange.final_response() else { return };
    for name in response.fields.tokens("vary") {
        if OF_CONNECTIONS.contains(&name.as_str()) {
            let message = format!("`{name}` is a field of one connection");
            findings.add_in(&response.fields, "Vary", message);
        }
    }
}
