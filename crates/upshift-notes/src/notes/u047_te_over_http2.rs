//! U047: TE over HTTP/2 or HTTP/3 is more than `trailers`.

use upshift_record::{MessagePlace, NoteLevel};

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U047",
    level: NoteLevel::Error,
    summary: "TE over HTTP/2 or HTTP/3 is more than `trailers`",
    why: "It is the one connection-specific field that these versions allow, in requests, and with \
          this value only.",
    source: "RFC 9113 §8.2.2",
    quote: Some(
        "The only exception to this is the TE header field, which MAY be present in an HTTP/2 \
         request; when it is, it MUST NOT contain any value other than \"trailers\"",
    ),
    wrong: "\
# url: https://a.example/
GET / HTTP/2
Host: a.example
te: gzip
",
    right: "\
# url: https://a.example/
GET / HTTP/2
Host: a.example
te: trailers
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        let Some(codings) = section.text("te") else { continue };
        let is_allowed = section.place == MessagePlace::Request && codings == "trailers";
        if section.is_multiplexed() && !is_allowed {
            findings.add_in(section, "TE", format!("`{codings}` makes the message malformed"));
        }
    }
}
