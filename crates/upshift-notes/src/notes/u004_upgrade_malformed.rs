//! U004: Upgrade has a member that is not a protocol.

use upshift_core::field::Protocol;
use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U004",
    level: NoteLevel::Error,
    summary: "Upgrade has a member that is not a protocol",
    why: "A protocol is a name, or a name and a version with one slash between; both are tokens. \
          Recipients differ on a member that is neither: some ignore it, and some, such as Squid, \
          drop the whole field. Write `api/2.0` for `api-version=2.0`.",
    source: "RFC 9110 §7.8",
    quote: None,
    wrong: "\
HTTP/1.1 426 Upgrade Required
Upgrade: api-version=2.0
Connection: upgrade
Content-Type: text/plain

Use version 2.0 of the API.
",
    right: "\
HTTP/1.1 426 Upgrade Required
Upgrade: api/2.0
Connection: upgrade
Content-Type: text/plain

Use version 2.0 of the API.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for section in exchange.sections() {
        for member in section.members("upgrade") {
            if Protocol::parse(&member).is_err() {
                let message = format!(
                    "`{member}` is not a protocol: that is `name` or `name/version`, in tokens"
                );
                findings.add_in(section, "Upgrade", message);
            }
        }
    }
}
