//! Reports in files, written again as cases finish: a crash leaves valid ones.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use upshift_record::suite::{CaseOutcome, RunRecord};

use super::report_format::ReportFormat;
use crate::file_writing::rewrite_file;
use crate::verb_error::VerbError;

/// A report that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReportFile {
    format: ReportFormat,
    file: PathBuf,
}

impl ReportFile {
    /// Parses `FORMAT=FILE`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some((format, file)) = text.split_once('=') else {
            return Err("expected FORMAT=FILE, such as tap=results.tap".to_owned());
        };
        if file.is_empty() {
            return Err("the name of the file is missing after `=`".to_owned());
        }
        Ok(Self { format: format.parse()?, file: PathBuf::from(file) })
    }
}

/// Writes reports in a thread of its own, so that a run does not wait for them. Outcomes that come
/// during a write go into the next one together.
pub(super) struct ReportWriter {
    outcomes: Sender<CaseOutcome>,
    thread: JoinHandle<Result<(), VerbError>>,
}

impl ReportWriter {
    /// Writes the reports of a run that begins, and starts to wait for outcomes. `None` if there are
    /// no reports.
    pub(super) fn start(
        reports: &[ReportFile],
        run: &RunRecord,
    ) -> Result<Option<Self>, VerbError> {
        if reports.is_empty() {
            return Ok(None);
        }
        // Before the first case, which a file that cannot be written would make useless.
        write_reports(reports, run)?;
        let (outcomes, arriving) = channel();
        let (reports, run) = (reports.to_vec(), run.clone());
        let builder = std::thread::Builder::new().name("upshift reports".to_owned());
        let thread = builder
            .spawn(move || write_as_they_come(&reports, run, &arriving))
            .map_err(VerbError::environment)?;
        Ok(Some(Self { outcomes, thread }))
    }

    /// Adds an outcome. Returns false if writing has failed, which [`Self::finish`] reports.
    pub(super) fn add(&self, outcome: CaseOutcome) -> bool {
        self.outcomes.send(outcome).is_ok()
    }

    /// Waits until everything is written.
    pub(super) fn finish(self) -> Result<(), VerbError> {
        drop(self.outcomes);
        match self.thread.join() {
            Ok(result) => result,
            Err(_) => Err(VerbError::environment("the thread that writes the reports has failed")),
        }
    }
}

/// Writes the reports until no more outcomes can come.
fn write_as_they_come(
    reports: &[ReportFile],
    mut run: RunRecord,
    arriving: &Receiver<CaseOutcome>,
) -> Result<(), VerbError> {
    while let Ok(outcome) = arriving.recv() {
        run.outcomes.push(outcome);
        run.outcomes.extend(arriving.try_iter());
        write_reports(reports, &run)?;
    }
    Ok(())
}

fn write_reports(reports: &[ReportFile], run: &RunRecord) -> Result<(), VerbError> {
    for report in reports {
        let text = report.format.render(run).map_err(VerbError::environment)?;
        rewrite_file(&report.file, &text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_a_format_and_a_file() {
        let expected = ReportFile { format: ReportFormat::Tap, file: PathBuf::from("a=b.tap") };
        assert_eq!(ReportFile::parse("tap=a=b.tap"), Ok(expected));
        let error = |text: &str| ReportFile::parse(text).err().unwrap_or_default();
        assert!(error("tap").contains("expected FORMAT=FILE"));
        assert!(error("tap=").contains("name of the file is missing"));
        assert!(error("tapp=a").contains("did you mean `tap`?"));
    }
}
