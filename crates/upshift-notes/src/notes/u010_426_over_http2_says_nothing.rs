//! U010: A 426 over HTTP/2 or HTTP/3 does not say what is required.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U010",
    level: NoteLevel::Warn,
    summary: "A 426 over HTTP/2 or HTTP/3 does not say what is required",
    why: "These versions have no Upgrade field, so the content is the only place for the \
          requirement. Without content a client learns nothing at all.",
    source: "RFC 9110 §15.5",
    quote: Some(
        "Except when responding to a HEAD request, the server SHOULD send a representation \
         containing an explanation of the error situation, and whether it is a temporary or \
         permanent condition",
    ),
    wrong: "\
# url: https://a.example/
GET / HTTP/2
Host: a.example

HTTP/2 426
content-length: 0
",
    right: "\
# url: https://a.example/
GET / HTTP/2
Host: a.example

HTTP/2 426
content-type: text/plain

Version 2.0 of the API is required: https://a.example/docs
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(refusal) = exchange.refusal() else { return };
    let is_head = exchange.request.as_ref().is_some_and(|request| request.method == "HEAD");
    let is_silent = refusal.is_empty() && !refusal.fields.has("link");
    if refusal.fields.is_multiplexed() && !is_head && is_silent && !refusal.fields.has("alt-svc") {
        findings.add(&refusal.fields, "the 426 has neither content nor Link nor Alt-Svc");
    }
}
