//! U028: A response offers h2c, which is obsolete.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::protocol_names::protocols_named;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U028",
    level: NoteLevel::Warn,
    summary: "A response offers h2c, which is obsolete",
    why: "The switch from HTTP/1.1 to HTTP/2 was hardly ever used and is deprecated; clients reach \
          HTTP/2 by ALPN or by prior knowledge. An h2c that passes through a proxy also lets \
          requests bypass its rules. Name `HTTP/2.0` in a 426 for it, and drop the offer \
          elsewhere.",
    source: "RFC 9113 §3.1",
    quote: Some(
        "The \"h2c\" string was previously used as a token for use in the HTTP Upgrade mechanism's \
         Upgrade header field (Section 7.8 of [HTTP]). This usage was never widely deployed and \
         is deprecated by this document",
    ),
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: h2c
Connection: upgrade
Content-Type: text/plain

Use HTTP/2.
",
    right: "\
HTTP/1.1 426 Upgrade Required
Upgrade: HTTP/2.0
Connection: upgrade
Content-Type: text/plain

Use HTTP/2: by ALPN at https://a.example/, or by prior knowledge.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    // A 101 accepts what the request offered, which is noted there.
    for response in exchange.responses.iter().filter(|response| response.status != 101) {
        if !protocols_named(&response.fields, "h2c").is_empty() {
            findings.add_in(&response.fields, "Upgrade", "`h2c` is obsolete");
        }
    }
}
