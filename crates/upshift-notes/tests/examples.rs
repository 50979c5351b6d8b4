//! Every note against its own two examples, and every right example against all other notes.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use upshift_notes::reader::{Format, read};
use upshift_notes::{Note, all_notes, examine, find_note};
use upshift_record::{Finding, NoteLevel};

fn findings_in(example: &str) -> Vec<Finding> {
    let recordings = read(example.as_bytes(), Format::Text).unwrap();
    assert_eq!(recordings.len(), 1, "an example is one exchange:\n{example}");
    examine(&recordings[0].exchange)
}

fn is_found(note: &Note, example: &str) -> bool {
    findings_in(example).iter().any(|finding| finding.note == note.id())
}

/// The examples are what the pages show, so they have to be true.
#[test]
fn each_note_is_found_in_its_wrong_example_only() {
    for note in all_notes() {
        let is_good = note.level() == NoteLevel::Good;
        let (with, without) = match is_good {
            true => (note.right_example(), note.wrong_example()),
            false => (note.wrong_example(), note.right_example()),
        };
        assert!(is_found(note, with), "{} is not found in\n{with}", note.id());
        assert!(!is_found(note, without), "{} is found in\n{without}", note.id());
    }
}

/// A reader copies the right example, so nothing may be wrong with it.
#[test]
fn nothing_is_wrong_with_a_right_example() {
    for note in all_notes() {
        for finding in findings_in(note.right_example()) {
            let is_harmless = finding.level < NoteLevel::Warn;
            assert!(is_harmless, "{}: {finding:?}\n{}", note.id(), note.right_example());
        }
    }
}

#[test]
fn texts_have_one_style() {
    for note in all_notes() {
        assert!(!note.summary().ends_with('.'), "{}: a summary is no sentence", note.id());
        assert!(note.summary().chars().count() <= 80, "{}: {}", note.id(), note.summary());
        assert!(note.why().ends_with('.'), "{}: {}", note.id(), note.why());
        assert!(note.quote().is_none_or(|quote| !quote.ends_with('.')), "{}", note.id());
        let source = note.source();
        let is_rfc = source.starts_with("RFC ") && source.contains(" §");
        assert!(is_rfc || source.starts_with("Fetch: "), "{source}");
        assert!(note.source_url().contains("#"), "{source}");
        assert_eq!(find_note(note.id()).unwrap().summary(), note.summary());
    }
    assert!(all_notes().len() >= 60);
}
