//! U091: Link misspells a registered relation.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::fields::link::{RELATIONS_OF_RETIREMENT, links_of};
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U091",
    level: NoteLevel::Warn,
    summary: "Link misspells a registered relation",
    why: "Tools look for the registered name, and do not find this one.",
    source: "RFC 8288 §2.1.1",
    quote: None,
    wrong: "\
HTTP/1.1 200 OK
Deprecation: @1780272000
Sunset: Tue, 01 Dec 2026 00:00:00 GMT
Link: <https://a.example/docs>; rel=\"deprecated\"
Content-Type: text/plain

Hello.
",
    right: "\
HTTP/1.1 200 OK
Deprecation: @1780272000
Sunset: Tue, 01 Dec 2026 00:00:00 GMT
Link: <https://a.example/docs>; rel=\"deprecation\"
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    for response in &exchange.responses {
        for link in links_of(&response.fields).into_iter().flatten() {
            for relation in &link.relations {
                if let Some(meant) = misspelt(relation) {
                    let message = format!("`{relation}` is not registered; `{meant}` is");
                    findings.add_in(&response.fields, "Link", message);
                }
            }
        }
    }
}

/// The registered relation that is meant, if `relation` is not one.
fn misspelt(relation: &str) -> Option<&'static str> {
    let others = [("successor", "successor-version"), ("latest", "latest-version")];
    for (short, meant) in others {
        if relation == short {
            return Some(meant);
        }
    }
    if RELATIONS_OF_RETIREMENT.contains(&relation) {
        return None;
    }
    // Three edits lead from `deprecated` to `deprecation`.
    RELATIONS_OF_RETIREMENT
        .into_iter()
        .find(|known| strsim::damerau_levenshtein(relation, known) <= 3)
}
