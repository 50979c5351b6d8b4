//! The notes about the exchanges of a probe.

use upshift_notes::examine;
use upshift_record::probe::{ProbeNote, ProbeRow};
use upshift_record::{MessagePlace, NoteLevel};

/// The findings about all exchanges, the gravest first. What is found in several exchanges is listed
/// once.
pub(super) fn collect_notes(rows: &[ProbeRow]) -> Vec<ProbeNote> {
    let mut notes: Vec<ProbeNote> = Vec::new();
    for row in rows {
        let Some(exchange) = &row.exchange else { continue };
        for finding in examine(exchange) {
            // Our own requests are odd on purpose.
            if finding.place == MessagePlace::Request {
                continue;
            }
            let known = notes
                .iter_mut()
                .find(|known| known.note == finding.note && known.message == finding.message);
            match known {
                Some(known) if known.questions.last() == Some(&row.question) => {}
                Some(known) => known.questions.push(row.question.clone()),
                None => notes.push(ProbeNote {
                    note: finding.note,
                    level: finding.level,
                    message: finding.message,
                    source: finding.source,
                    questions: vec![row.question.clone()],
                }),
            }
        }
    }
    notes.sort_by_key(|note| std::cmp::Reverse(weight(note.level)));
    notes
}

/// Good things come last.
fn weight(level: NoteLevel) -> u8 {
    match level {
        NoteLevel::Error => 3,
        NoteLevel::Warn => 2,
        NoteLevel::Info => 1,
        NoteLevel::Good => 0,
    }
}
