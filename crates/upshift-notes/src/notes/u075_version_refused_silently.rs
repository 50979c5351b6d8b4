//! U075: A refusal of a WebSocket version does not name the supported ones.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U075",
    level: NoteLevel::Error,
    summary: "A refusal of a WebSocket version does not name the supported ones",
    why: "The client could repeat the handshake with a version that the server speaks, if it knew \
          one. As it is, it has to give up.",
    source: "RFC 6455 §4.4",
    quote: Some(
        "If the server doesn't support the requested version, it MUST respond with a \
         |Sec-WebSocket-Version| header field (or multiple |Sec-WebSocket-Version| header fields) \
         containing all versions it is willing to use",
    ),
    wrong: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 25

HTTP/1.1 400 Bad Request
Content-Type: text/plain

Unknown version.
",
    right: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 25

HTTP/1.1 400 Bad Request
Sec-WebSocket-Version: 13
Content-Type: text/plain

Unknown version.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let (Some(response), Some(request)) = (exchange.final_response(), &exchange.request) else {
        return;
    };
    let Some(version) = request.fields.text("sec-websocket-version") else { return };
    // Another version is refused for another reason, if not for this one.
    let is_refused = matches!(response.status, 400 | 426);
    let names_versions = response.fields.has("sec-websocket-version");
    // A 426 for TLS, say, comes before anything is known about WebSockets.
    let protocols = response.fields.protocols();
    let names_websocket = protocols.iter().any(|protocol| protocol.is_named("websocket"));
    if !protocols.is_empty() && !names_websocket {
        return;
    }
    if exchange.asks_for_websocket() && version != "13" && is_refused && !names_versions {
        let message = format!("version `{version}` was refused, and none is named");
        findings.add_in(&response.fields, "Sec-WebSocket-Version", message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_for_another_protocol_is_not_about_the_version() {
        let other = "HTTP/1.1 426 Upgrade Required\nUpgrade: TLS/1.2\nConnection: upgrade";
        let text = NOTE.wrong.replace("HTTP/1.1 400 Bad Request", other);
        let recordings = crate::reader::read(text.as_bytes(), crate::reader::Format::Text);
        let findings = crate::examine(&recordings.expect("an exchange")[0].exchange);
        assert!(findings.iter().all(|finding| finding.note != "U075"), "{findings:?}");
    }
}
