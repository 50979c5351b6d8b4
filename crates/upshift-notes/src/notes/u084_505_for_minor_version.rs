//! U084: A 505 refuses HTTP/1.0, whose major version is that of HTTP/1.1.

use upshift_core::HttpVersion;
use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U084",
    level: NoteLevel::Warn,
    summary: "A 505 refuses HTTP/1.0, whose major version is that of HTTP/1.1",
    why: "505 is about the major version, and a server that answers in HTTP/1.1 supports version \
          1. A 426 with `Upgrade: HTTP/1.1` says what is meant.",
    source: "RFC 9110 §15.6.6",
    quote: Some(
        "the server does not support, or refuses to support, the major version of HTTP that was \
         used in the request message",
    ),
    wrong: "\
GET / HTTP/1.0
Host: a.example

HTTP/1.1 505 HTTP Version Not Supported
Content-Type: text/plain

Use HTTP/1.1.
",
    right: "\
GET / HTTP/1.0
Host: a.example

HTTP/1.1 426 Upgrade Required
Upgrade: HTTP/1.1
Connection: upgrade, close
Content-Type: text/plain

Use HTTP/1.1.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let (Some(response), Some(request)) = (exchange.final_response(), &exchange.request) else {
        return;
    };
    let is_old = request.fields.version == Some(HttpVersion::V1_0);
    if response.status == 505 && is_old && response.fields.is_http1() {
        findings.add(&response.fields, "the refused request is of major version 1, too");
    }
}
