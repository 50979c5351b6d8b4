//! U029: A request offers h2c, which is obsolete.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U029",
    level: NoteLevel::Info,
    summary: "A request offers h2c, which is obsolete",
    why: "Few servers perform the switch, and those that do not have to ignore the offer. Java's \
          HttpClient and `curl --http2` send it over cleartext by default; in Java, choose \
          HTTP/1.1 for such servers.",
    source: "RFC 9113 §3.1",
    quote: Some(
        "The \"h2c\" string was previously used as a token for use in the HTTP Upgrade mechanism's \
         Upgrade header field (Section 7.8 of [HTTP]). This usage was never widely deployed and \
         is deprecated by this document",
    ),
    wrong: "\
GET / HTTP/1.1
Host: a.example
Upgrade: h2c
Connection: Upgrade, HTTP2-Settings
HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA
",
    right: "\
GET / HTTP/1.1
Host: a.example
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(request) = &exchange.request else { return };
    if request.offers("h2c") {
        findings.add_in(&request.fields, "Upgrade", "`h2c` is obsolete");
    }
}
