//! GitHub Actions: annotations in the log, and the summary of the step.

use std::fs::OpenOptions;
use std::io::Write as _;

use upshift_lab::suite::report::{github_annotations, github_summary};
use upshift_record::suite::RunRecord;

use crate::terminal::{print_stderr_rendered, print_stdout, runs_in_actions};
use crate::verb_error::VerbError;

/// Reports a run to GitHub Actions, if it runs there.
pub(super) fn report_to_actions(run: &RunRecord, as_json: bool) -> Result<(), VerbError> {
    if !runs_in_actions() {
        return Ok(());
    }
    let annotations = github_annotations(run);
    // GitHub reads commands from both streams, and stdout may be JSON for another program.
    if as_json {
        print_stderr_rendered(annotations.trim_end());
    } else {
        print_stdout(&annotations)?;
    }
    let file = std::env::var_os("GITHUB_STEP_SUMMARY").unwrap_or_default();
    if file.is_empty() {
        return Ok(());
    }
    let summary = github_summary(run);
    let appended = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&file)
        .and_then(|mut open| open.write_all(summary.as_bytes()));
    appended.map_err(|error| {
        let file = file.to_string_lossy();
        VerbError::environment(format_args!("cannot write the step summary to {file}: {error}"))
    })
}
