//! `--watch`: runs again whenever a suite, or a file that it names, changes.

use std::path::PathBuf;
use std::time::Instant;

use upshift_lab::suite::RunPlan;

use super::arguments::TestArgs;
use super::runner::run_once;
use crate::file_changes::{
    FileIdentity, FileStates, POLL_INTERVAL, QuietPeriod, changed_files, poll_files,
};
use crate::signals::StopSignals;
use crate::suite_files::find_suites;
use crate::terminal::print_stderr;
use crate::verb_error::VerbResult;

/// Runs the suites, and again after each change, until a signal comes. The exit code is that of the
/// last run.
pub(super) async fn run_and_watch(args: &TestArgs) -> VerbResult {
    let stop = StopSignals::at_any_end()?;
    loop {
        // Recorded before they are read, so that a change during the run is noticed afterwards.
        let mut states = FileStates::new();
        let suites = find_suites(&args.suites)?;
        record_states(&mut states, &suites);
        let exit = match args.plan() {
            Ok(plan) => {
                record_states(&mut states, &named_files(&plan));
                run_planned(args, &plan, &stop).await?
            }
            // It has said what is wrong with the suite, and waits for it to be put right.
            Err(error) => error.print_and_return_exit(),
        };
        print_stderr("watching for changes; Ctrl-C ends it");
        tokio::select! {
            () = wait_for_change(args, &states, &suites) => {}
            () = stop.first_signal_quietly() => return Ok(exit),
        }
    }
}

async fn run_planned(args: &TestArgs, plan: &RunPlan, stop: &StopSignals) -> VerbResult {
    if plan.is_empty() {
        return Ok(args.explain_empty(plan));
    }
    match run_once(plan, &args.settings(), stop).await {
        Err(error) => Ok(error.print_and_return_exit()),
        Ok(exit) => Ok(exit),
    }
}

/// The files that the suites name.
fn named_files(plan: &RunPlan) -> Vec<PathBuf> {
    plan.suites.iter().flat_map(|suite| suite.files.clone()).collect()
}

fn record_states(states: &mut FileStates, files: &[PathBuf]) {
    for file in files {
        states.entry(file.clone()).or_insert_with(|| FileIdentity::of_path(file));
    }
}

/// Resolves when a file has changed and the change has settled, or a suite was added or removed.
async fn wait_for_change(args: &TestArgs, states: &FileStates, suites: &[PathBuf]) {
    let mut quiet = QuietPeriod::default();
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        let changed = changed_files(states, poll_files(states));
        if quiet.is_over(changed, Instant::now()) {
            return;
        }
        // A folder that cannot be read now may be readable at the next poll.
        if find_suites(&args.suites).is_ok_and(|found| found != suites) {
            return;
        }
    }
}
