//! The notes on exchanges with real servers, and on examples that are often copied.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads its corpus, and a panic is a failed test"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use upshift_notes::examine;
use upshift_notes::reader::{Recording, guess_format, read};
use upshift_record::{Finding, NoteLevel};

fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension != "md") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn recordings_in(path: &Path) -> Vec<Recording> {
    let octets = std::fs::read(path).unwrap();
    let recordings = read(&octets, guess_format(&octets).unwrap()).unwrap();
    assert!(!recordings.is_empty(), "{}", path.display());
    recordings
}

#[test]
fn findings() {
    let mut text = String::new();
    for path in corpus() {
        let name = path.file_name().unwrap().display().to_string();
        for recording in recordings_in(&path) {
            writeln!(text, "{name} {}", recording.number).unwrap();
            for Finding { note, level, place, field, message, .. } in examine(&recording.exchange) {
                let field = field.map(|field| format!(", {field}")).unwrap_or_default();
                writeln!(text, "  {level:<5} {note} {place}{field}: {message}").unwrap();
            }
        }
    }
    insta::assert_snapshot!(text);
}

/// What is shown as right, and what the gateway sends, has nothing that should change.
#[test]
fn right_examples_and_our_own_answers_are_right() {
    let mut count = 0;
    for path in corpus() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if name.ends_with("-right") || name.starts_with("upshift-") {
            let mut findings = examine(&recordings_in(&path)[0].exchange);
            findings.retain(|finding| finding.level >= NoteLevel::Warn);
            assert!(findings.is_empty(), "{name}: {findings:?}");
            count += 1;
        }
    }
    assert!(count >= 4, "{count}");
}
