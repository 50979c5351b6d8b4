//! A lint case: the notes on recorded exchanges.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use upshift_notes::examine;
use upshift_notes::ignore::Ignore;
use upshift_notes::reader::{Recording, guess_format, read};
use upshift_record::suite::{CaseEvidence, CaseVerdict, Mismatch};

use super::findings::{mismatch_of, to_case_note};
use super::try_result::TryResult;
use crate::suite::filter::fits_pattern;
use crate::suite::plan::PlannedLint;

/// Lints the files.
pub(super) async fn try_lint(lint: &PlannedLint, today: Date) -> TryResult {
    let files = match find_files(&lint.files) {
        Ok(files) => files,
        Err(reason) => return TryResult::errored(reason),
    };
    let mut linted = Linted { lint, today, evidence: CaseEvidence::default(), mismatches: vec![] };
    for file in files {
        let octets = match tokio::fs::read(&file).await {
            Ok(octets) => octets,
            Err(error) => {
                return TryResult::errored(format!("cannot read {}: {error}", file.display()));
            }
        };
        match read_recordings(&octets) {
            Ok(recordings) => linted.add_file(&file, &recordings),
            Err(error) => return TryResult::errored(format!("{}: {error}", file.display())),
        }
    }
    linted.into_result()
}

fn read_recordings(octets: &[u8]) -> Result<Vec<Recording>, String> {
    let Some(format) = guess_format(octets) else {
        return Err(
            "this is neither HTTP as text nor the output of curl -v, HAR or JSON".to_owned()
        );
    };
    read(octets, format).map_err(|error| error.to_string())
}

/// The exchanges so far, and what was found in them.
struct Linted<'l> {
    lint: &'l PlannedLint,
    today: Date,
    evidence: CaseEvidence,
    mismatches: Vec<Mismatch>,
}

impl Linted<'_> {
    fn add_file(&mut self, file: &Path, recordings: &[Recording]) {
        for recording in recordings {
            self.evidence.exchanges.push(recording.exchange.clone());
            self.add_findings(file, recording);
        }
    }

    fn add_findings(&mut self, file: &Path, recording: &Recording) {
        let number = self.evidence.exchanges.len();
        for finding in examine(&recording.exchange) {
            let ignore = self.lint.ignores.find(&finding, &recording.exchange, self.today);
            let fails = self.lint.fail_on.includes(finding.level) && ignore.is_none();
            let line = recording.line_of(finding.place, finding.field.as_deref());
            let place = match line {
                Some(line) => format!("{}:{line}", file.display()),
                None => format!("{} (exchange {})", file.display(), recording.number),
            };
            if fails {
                let mut mismatch = mismatch_of(&finding, self.lint.fail_on);
                mismatch.what = format!("{place}: {}", mismatch.what);
                self.mismatches.push(mismatch);
            }
            let ignored = ignore.map(|Ignore { reason, until, .. }| format!("{reason} ({until})"));
            let mut note = to_case_note(finding, number, fails);
            (note.file, note.ignored) = (Some(place), ignored);
            self.evidence.notes.push(note);
        }
    }

    fn into_result(mut self) -> TryResult {
        for Ignore { note, reason, until, .. } in self.lint.ignores.expired(self.today) {
            let id = note.id();
            let remark = format!("{id} is ignored no longer: that ended on {until} ({reason})");
            self.evidence.remarks.push(remark);
        }
        if self.evidence.exchanges.is_empty() {
            return TryResult::errored("the files have no exchange".to_owned());
        }
        let verdict = match self.mismatches.is_empty() {
            true => CaseVerdict::Passed,
            false => CaseVerdict::Failed(self.mismatches),
        };
        TryResult { verdict, evidence: self.evidence, captured: BTreeMap::new() }
    }
}

/// The files that fit the patterns, each pattern's in the order of their names.
fn find_files(patterns: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for pattern in patterns {
        let name = pattern.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.contains('*') {
            files.push(pattern.clone());
            continue;
        }
        let folder = match pattern.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut found = list_files(folder, &name)
            .map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
        if found.is_empty() {
            return Err(format!("no file fits {}", pattern.display()));
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

fn list_files(folder: &Path, pattern: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if fits_pattern(pattern, &entry.file_name().to_string_lossy()) && entry.path().is_file() {
            found.push(entry.path());
        }
    }
    Ok(found)
}
