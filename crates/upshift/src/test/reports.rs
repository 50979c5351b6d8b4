//! Reports in files, written again as cases finish: a crash leaves valid ones.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use upshift_lab::suite::RunPlan;
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
        if file == "-" {
            return Err("a report goes into a file; `./-` is one with this name".to_owned());
        }
        Ok(Self { format: format.parse()?, file: PathBuf::from(file) })
    }
}

/// Checks that no report replaces another, or a file that the run reads.
pub(super) fn check_report_files(reports: &[ReportFile], plan: &RunPlan) -> Result<(), VerbError> {
    let mut read = BTreeSet::new();
    for suite in &plan.suites {
        read.insert(resolve_file(Path::new(&suite.path)));
        read.extend(suite.files.iter().map(|file| resolve_file(file)));
    }
    let mut written = BTreeSet::new();
    for report in reports {
        // A device, such as /dev/null, takes any number of them.
        if report.file.exists() && !report.file.is_file() {
            continue;
        }
        let (file, shown) = (resolve_file(&report.file), report.file.display());
        if read.contains(&file) {
            let message = format_args!("the report {shown} would replace a file of the run");
            return Err(VerbError::usage(message));
        }
        if !written.insert(file) {
            let message = format_args!("two reports go into {shown}; give each a file of its own");
            return Err(VerbError::usage(message));
        }
    }
    Ok(())
}

/// The absolute path, without links; of a file that does not exist, its folder's.
fn resolve_file(file: &Path) -> PathBuf {
    if let Ok(resolved) = file.canonicalize() {
        return resolved;
    }
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return file.to_owned();
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    folder.canonicalize().map_or_else(|_| file.to_owned(), |folder| folder.join(name))
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
    use upshift_lab::suite::{CaseFilter, SuiteFormat, plan_suite};

    use super::*;

    #[test]
    fn a_report_is_a_format_and_a_file() {
        let expected = ReportFile { format: ReportFormat::Tap, file: PathBuf::from("a=b.tap") };
        assert_eq!(ReportFile::parse("tap=a=b.tap"), Ok(expected));
        let error = |text: &str| ReportFile::parse(text).err().unwrap_or_default();
        assert!(error("tap").contains("expected FORMAT=FILE"));
        assert!(error("tap=").contains("name of the file is missing"));
        assert!(error("tap=-").contains("goes into a file"));
        assert!(error("tapp=a").contains("did you mean `tap`?"));
    }

    #[test]
    fn no_report_replaces_another_file_of_the_run() {
        let suite = "[[lint]]\nid = 'a'\nfiles = ['seen.har']\n";
        let suite = plan_suite("a.upshift.toml", suite, SuiteFormat::Toml, &|_| None);
        let plan =
            RunPlan::choose(vec![suite.unwrap_or_else(|_| unreachable!())], &CaseFilter::All);
        let rows: [(&[&str], &str); 5] = [
            (&["tap=a.tap", "json=a.json", "tap=/dev/null", "json=/dev/null"], ""),
            (&["tap=a.upshift.toml"], "would replace a file of the run"),
            (&["tap=./a.upshift.toml"], "would replace a file of the run"),
            (&["tap=seen.har"], "would replace a file of the run"),
            (&["tap=a.out", "json=./a.out"], "two reports go into ./a.out"),
        ];
        for (reports, why) in rows {
            let reports: Vec<_> =
                reports.iter().filter_map(|text| ReportFile::parse(text).ok()).collect();
            match check_report_files(&reports, &plan) {
                Ok(()) => assert_eq!(why, ""),
                Err(error) => assert!(format!("{error:?}").contains(why), "{error:?}"),
            }
        }
    }
}
