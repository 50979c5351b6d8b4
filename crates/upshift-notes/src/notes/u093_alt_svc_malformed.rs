//! U093: Alt-Svc has a member that is not an alternative.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::alt_svc::advertised_protocols;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U093",
    level: NoteLevel::Error,
    summary: "Alt-Svc has a member that is not an alternative",
    why: "A member is a protocol, `=`, and a quoted host and port: `h3=\":443\"`. Browsers ignore \
          the rest.",
    source: "RFC 7838 §3",
    quote: None,
    wrong: "\
HTTP/1.1 200 OK
Alt-Svc: h3=:443
Content-Type: text/plain

Hello.
",
    right: "\
HTTP/1.1 200 OK
Alt-Svc: h3=\":443\"
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for response in &exchange.responses {
        for member in advertised_protocols(&response.fields).into_iter().filter_map(Result::err) {
            let message = format!("`{member}` is not of the form `h3=\":443\"`");
            findings.add_in(&response.fields, "Alt-Svc", message);
        }
    }
}
