//! U045: Upgrade is sent over HTTP/2 or HTTP/3.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U045",
    level: NoteLevel::Error,
    summary: "Upgrade is sent over HTTP/2 or HTTP/3",
    why: "The message is malformed: Safari, curl and others reset the stream, so that the page \
          does not load at all. The usual cause is a proxy that passes on the Upgrade of a server \
          behind it, or a rule that adds the field to every response.",
    source: "RFC 9113 §8.2.2",
    quote: Some(
        "Any message containing connection-specific header fields MUST be treated as malformed",
    ),
    wrong: "\
# url: https://a.example/
HTTP/2 426
upgrade: websocket
content-type: text/plain

Use a WebSocket.
",
    right: "\
# url: https://a.example/
HTTP/2 426
content-type: text/plain

Use a WebSocket.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        if let Some(upgrade) = section.text("upgrade")
            && section.is_multiplexed()
        {
            let message = format!("`{upgrade}` makes the message malformed");
            findings.add_in(section, "Upgrade", message);
        }
    }
}
