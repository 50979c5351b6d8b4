//! U033: Upgrade names HTTP without a version such as 1.1.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::protocol_names::{is_two_digits, protocols_named};
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U033",
    level: NoteLevel::Warn,
    summary: "Upgrade names HTTP without a version such as 1.1",
    why: "The registry expects `HTTP/` and a version of two digits with a point between. Clients \
          compare versions as text, so `HTTP/2` is not `HTTP/2.0` to them.",
    source: "RFC 9110 §7.8",
    quote: None,
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: HTTP/2
Connection: upgrade
Content-Type: text/plain

Use HTTP/2.
",
    right: "\
HTTP/1.1 426 Upgrade Required
Upgrade: HTTP/2.0
Connection: upgrade
Content-Type: text/plain

Use HTTP/2.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        for protocol in protocols_named(section, "HTTP") {
            if !is_two_digits(protocol.version()) {
                let message = format!("`{protocol}` has no version such as `1.1` or `2.0`");
                findings.add_in(section, "Upgrade", message);
            }
        }
    }
}
