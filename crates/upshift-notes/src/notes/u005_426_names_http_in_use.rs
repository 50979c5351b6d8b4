//! U005: A 426 requires the version of HTTP that the request used.

use upshift_core::HttpVersion;
use upshift_core::field::Protocol;
use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U005",
    level: NoteLevel::Warn,
    summary: "A 426 requires the version of HTTP that the request used",
    why: "The client speaks it already, so it repeats the request and gets the same answer, or \
          gives up. The usual cause is a hop between that speaks HTTP/1.0 to the server, as nginx \
          does without `proxy_http_version 1.1`.",
    source: "RFC 9110 §15.5.22",
    quote: Some(
        "the server refuses to perform the request using the current protocol but might be willing \
         to do so after the client upgrades to a different protocol",
    ),
    wrong: "\
GET / HTTP/1.1
Host: a.example

HTTP/1.1 426 Upgrade Required
Upgrade: HTTP/1.1
Connection: upgrade
Content-Type: text/plain

Use HTTP/1.1.
",
    right: "\
GET / HTTP/1.0
Host: a.example

HTTP/1.1 426 Upgrade Required
Upgrade: HTTP/1.1
Connection: upgrade
Content-Type: text/plain

Use HTTP/1.1.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let (Some(refusal), Some(request)) = (exchange.refusal(), &exchange.request) else { return };
    // A request that offered a switch and is to stay with HTTP has a note of its own.
    if request.fields.has("upgrade") {
        return;
    }
    let Some(in_use) = request.fields.version else { return };
    let protocols = refusal.fields.protocols();
    if !protocols.is_empty() && protocols.iter().all(|protocol| is_http(protocol, in_use)) {
        let message = format!("`{}` is what the request used", protocols[0]);
        findings.add_in(&refusal.fields, "Upgrade", message);
    }
}

fn is_http(protocol: &Protocol, version: HttpVersion) -> bool {
    protocol.is_named("HTTP") && protocol.version().and_then(HttpVersion::parse) == Some(version)
}
