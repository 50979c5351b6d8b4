//! U071: A WebSocket is accepted with an extension that was not offered.

use upshift_record::NoteLevel;

use crate::exchange::{Exchange, FieldSection};
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U071",
    level: NoteLevel::Error,
    summary: "A WebSocket is accepted with an extension that was not offered",
    why: "Clients fail the connection, because they cannot read the frames.",
    source: "RFC 6455 §4.1",
    quote: None,
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
Sec-WebSocket-Extensions: permessage-deflate
",
    right: "\
GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13
Sec-WebSocket-Extensions: permessage-deflate

HTTP/1.1 101 Switching Protocols
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
Sec-WebSocket-Extensions: permessage-deflate
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let (Some(switch), Some(request)) = (exchange.switch(), &exchange.request) else { return };
    let offered = extension_names(&request.fields);
    for chosen in extension_names(&switch.fields) {
        if !offered.contains(&chosen) {
            let message = format!("`{chosen}` was not offered");
            findings.add_in(&switch.fields, "Sec-WebSocket-Extensions", message);
        }
    }
}

fn extension_names(section: &FieldSection<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for member in section.members("sec-websocket-extensions") {
        let name = member.split(';').next().unwrap_or_default();
        names.push(name.trim().to_ascii_lowercase());
    }
    names
}
