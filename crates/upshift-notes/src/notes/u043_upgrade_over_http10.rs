//! U043: A request over HTTP/1.0 has Upgrade.

use upshift_core::HttpVersion;
use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U043",
    level: NoteLevel::Warn,
    summary: "A request over HTTP/1.0 has Upgrade",
    why: "The server has to ignore it. The usual cause is a proxy that forwards the field and \
          speaks HTTP/1.0 to the server, such as nginx without `proxy_http_version 1.1`.",
    source: "RFC 9110 §7.8",
    quote: Some(
        "A server that receives an Upgrade header field in an HTTP/1.0 request MUST ignore that \
         Upgrade field",
    ),
    wrong: "\
GET /chat HTTP/1.0
Host: a.example
Upgrade: websocket
Connection: upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13
",
    right: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(request) = &exchange.request else { return };
    if request.fields.version == Some(HttpVersion::V1_0) && request.fields.has("upgrade") {
        findings.add_in(&request.fields, "Upgrade", "a server ignores Upgrade over HTTP/1.0");
    }
}
