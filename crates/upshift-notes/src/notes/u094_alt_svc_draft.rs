//! U094: Alt-Svc names a draft of HTTP/3.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::alt_svc::advertised_protocols;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U094",
    level: NoteLevel::Warn,
    summary: "Alt-Svc names a draft of HTTP/3",
    why: "Current clients know only `h3`. The other names cost octets in every response.",
    source: "RFC 9114 §3.1",
    quote: None,
    wrong: "\
HTTP/1.1 200 OK
Alt-Svc: h3-29=\":443\"
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
        for protocol in advertised_protocols(&response.fields).into_iter().flatten() {
            let is_draft = protocol.starts_with("h3-") || protocol == "quic";
            if is_draft || protocol.starts_with("hq") {
                let message = format!("`{protocol}` is not spoken any more; `h3` is");
                findings.add_in(&response.fields, "Alt-Svc", message);
            }
        }
    }
}
