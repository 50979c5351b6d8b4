//! U060: An interim response has Content-Length or Transfer-Encoding.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U060",
    level: NoteLevel::Error,
    summary: "An interim response has Content-Length or Transfer-Encoding",
    why: "It has no content. A client that believes the field reads the next response, or the new \
          protocol, as content.",
    source: "RFC 9110 §8.6",
    quote: Some(
        "A server MUST NOT send a Content-Length header field in any response with a status code \
         of 1xx (Informational) or 204 (No Content)",
    ),
    wrong: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13

HTTP/1.1 101 Switching Protocols
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
Content-Length: 0
",
    right: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13

HTTP/1.1 101 Switching Protocols
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let framing =
        [("content-length", "Content-Length"), ("transfer-encoding", "Transfer-Encoding")];
    for response in exchange.responses.iter().filter(|response| response.status < 200) {
        for (name, field) in framing {
            if response.fields.has(name) {
                let message = format!("a {} has no content", response.status);
                findings.add_in(&response.fields, field, message);
            }
        }
    }
}
