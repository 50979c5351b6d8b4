//! U096: Strict-Transport-Security has no valid max-age.

use upshift_record::NoteLevel;

use crate::exchange::Exchange;
use crate::note::{Findings, Note};

pub(super) const NOTE: Note = Note {
    id: "U096",
    level: NoteLevel::Error,
    summary: "Strict-Transport-Security has no valid max-age",
    why: "Browsers ignore the whole field.",
    source: "RFC 6797 §6.1.1",
    quote: None,
    wrong: "\
# url: https://a.example/
HTTP/1.1 200 OK
Strict-Transport-Security: includeSubDomains
Content-Type: text/plain

Hello.
",
    right: "\
# url: https://a.example/
HTTP/1.1 200 OK
Strict-Transport-Security: max-age=31536000; includeSubDomains
Content-Type: text/plain

Hello.
",
    check,
};

fn check(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(response) = exchange.final_response() else { return };
    let lines = response.fields.line_texts("strict-transport-security");
    if let Some(policy) = lines.first()
        && !has_max_age(policy)
    {
        let message = format!("`{policy}` has no max-age in seconds");
        findings.add_in(&response.fields, "Strict-Transport-Security", message);
    }
}

fn has_max_age(policy: &str) -> bool {
    policy.split(';').any(|directive| {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let is_max_age = name.trim().eq_ignore_ascii_case("max-age");
        is_max_age && value.trim().trim_matches('"').parse::<u64>().is_ok()
    })
}
