//! U106: A 505 answers a request over HTTP/1.1.

use upshift_core::HttpVersion;
use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U106",
    level: NoteLevel::Warn,
    summary: "A 505 answers a request over HTTP/1.1",
    why: "Servers that refuse HTTP/1.1 are rare. Far more often a hop between speaks HTTP/1.0 to \
          the server, as nginx does without `proxy_http_version 1.1`, and the server refuses that.",
    source: "RFC 9110 §15.6.6",
    quote: Some(
        "the server does not support, or refuses to support, the major version of HTTP that was \
         used in the request message",
    ),
    wrong: "\
GET / HTTP/1.1
Host: a.example

HTTP/1.1 505 HTTP Version Not Supported
Content-Type: text/plain

HTTP/1.0 is not supported.
",
    right: "\
GET / HTTP/1.1
Host: a.example

HTTP/1.1 200 OK
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let (Some(response), Some(request)) = (exchange.final_response(), &exchange.request) else {
        return;
    };
    let version = request.fields.version;
    if response.status == 505 && version == Some(HttpVersion::V1_1) && response.fields.is_http1() {
        let message = "a hop between probably sent the request on over HTTP/1.0";
        findings.add(&response.fields, message);
    }
}
