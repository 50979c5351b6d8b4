//! The notes about the exchanges of a case.

use upshift_notes::{examine, find_note};
use upshift_record::suite::{CaseNote, Mismatch};
use upshift_record::{Finding, MessagePlace, RecordedExchange};

use crate::suite::model::{FailOn, LaneExpectation};

/// The notes about the responses of an exchange, and what they are against the expectation.
pub(super) fn note_responses(
    exchange: &RecordedExchange,
    expect: &LaneExpectation,
) -> (Vec<CaseNote>, Vec<Mismatch>) {
    let fail_on = expect.fail_on.unwrap_or(FailOn::Error);
    let (mut notes, mut mismatches) = (Vec::new(), Vec::new());
    for finding in examine(exchange) {
        // The request is as the suite wants it.
        if finding.place == MessagePlace::Request {
            continue;
        }
        let is_expected = expect.notes.iter().any(|id| id.eq_ignore_ascii_case(&finding.note));
        let fails = fail_on.includes(finding.level) && !is_expected;
        if fails {
            mismatches.push(mismatch_of(&finding, fail_on));
        }
        notes.push(to_case_note(finding, 1, fails));
    }
    for id in &expect.notes {
        if !notes.iter().any(|note| note.finding.note.eq_ignore_ascii_case(id)) {
            mismatches.push(Mismatch::new(format!("note {id}"), "a finding", "none"));
        }
    }
    (notes, mismatches)
}

/// The notes about the requests of a client. They fail nothing.
pub(super) fn note_requests(exchanges: &[RecordedExchange]) -> Vec<CaseNote> {
    let mut notes = Vec::new();
    for (place, exchange) in exchanges.iter().enumerate() {
        for finding in examine(exchange) {
            if finding.place == MessagePlace::Request {
                notes.push(to_case_note(finding, place + 1, false));
            }
        }
    }
    notes
}

/// The difference that a finding makes.
pub(super) fn mismatch_of(finding: &Finding, fail_on: FailOn) -> Mismatch {
    let expected = match fail_on {
        FailOn::Error => "no error".to_owned(),
        level => format!("nothing of level {} or worse", level.as_str()),
    };
    let actual = format!("{} ({})", finding.message, finding.source);
    Mismatch::new(format!("note {}", finding.note), expected, actual)
}

/// A finding about exchange number `exchange`, with the texts of its note.
pub(super) fn to_case_note(finding: Finding, exchange: usize, fails: bool) -> CaseNote {
    let note = find_note(&finding.note).ok();
    CaseNote {
        summary: note.map(|note| note.summary().to_owned()).unwrap_or_default(),
        quote: note.and_then(|note| note.quote()).map(str::to_owned),
        source_url: note.map(|note| note.source_url()).unwrap_or_default(),
        finding,
        exchange,
        file: None,
        fails,
        ignored: None,
    }
}
