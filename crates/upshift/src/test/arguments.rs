//! The arguments of `upshift test`.

use std::path::PathBuf;

use clap::Args;
use upshift_lab::suite::{CaseFilter, RunPlan};
use upshift_record::Exit;

use super::reports::{ReportFile, check_report_files};
use super::runner::RunSettings;
use crate::suite_files::{find_suites, nothing_run, plan_suites};
use crate::terminal::{Palette, counted, print_stderr};
use crate::verb_error::VerbError;

/// Run suites: what servers and clients are expected to do, checked
///
/// A suite is a file whose name ends in .upshift.toml, .upshift.yaml, .upshift.yml or .upshift.json.
/// Without one, all suites in the current folder and below are run. Every case has an address, such
/// as checkout.upshift.toml::legacy-gets-426[h1.0], by which `upshift replay` runs it again.
///
/// The cases that were planned and those that ran are compared: a run that ends early is no success.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift test
  upshift test checkout.upshift.toml
  upshift test -E 'lane(h3) | id(legacy-*)'
  upshift test --report junit=results.xml --report html=results.html tests/
  upshift test --dry-run
  upshift test --json | jq 'select(.event == \"finished\")'

Filters: lane(NAME), id(NAME), suite(NAME) and kind(probe|client|lint), in which * stands for any
characters; all(); a part of an address; !, & and |, and parentheses.

Exit codes: 0 every case passed, 1 a case failed or did not run, 2 an invalid suite or wrong usage, 3
no case failed, but some could not be judged: a server that cannot be reached, a client that is not
installed, 4 nothing was run.")]
pub(crate) struct TestArgs {
    /// The suites, and folders in which they are searched
    #[arg(value_name = "SUITE")]
    pub(super) suites: Vec<PathBuf>,
    /// Run only the cases that fit, and those that they need for captured values
    #[arg(
        short = 'E', long = "filter", value_name = "FILTER",
        value_parser = CaseFilter::parse
    )]
    filter: Option<CaseFilter>,
    /// Print the addresses of the cases, and run nothing
    #[arg(long, conflicts_with_all = ["dry_run", "watch", "reports"])]
    pub(super) list: bool,
    /// Print what each case would do and expect, and connect to nothing
    #[arg(long, conflicts_with_all = ["watch", "reports"])]
    pub(super) dry_run: bool,
    /// Run again whenever a suite, or a file that it names, changes
    #[arg(long)]
    pub(super) watch: bool,
    /// The number of cases that run at the same time; that of the processors, if left out
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Try a case that falls short again, up to this number of times; it is reported as flaky
    #[arg(
        long, value_name = "N", default_value_t = 0,
        value_parser = clap::value_parser!(u32).range(0..=100)
    )]
    retries: u32,
    /// Begin no further case after one has fallen short
    #[arg(long)]
    fail_fast: bool,
    /// Print events, one JSON object a line; with --list and --dry-run, the plan as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Write a report, and write it again after each case: junit=FILE, tap=FILE, sarif=FILE,
    /// html=FILE, markdown=FILE or json=FILE; repeat it for more
    #[arg(long = "report", value_name = "FORMAT=FILE", value_parser = ReportFile::parse)]
    reports: Vec<ReportFile>,
}

impl TestArgs {
    /// The cases to run.
    pub(super) fn plan(&self) -> Result<RunPlan, VerbError> {
        let paths = find_suites(&self.suites)?;
        let filter = self.filter.clone().unwrap_or(CaseFilter::All);
        let plan = RunPlan::choose(plan_suites(&paths)?, &filter);
        check_report_files(&self.reports, &plan)?;
        if !plan.added.is_empty() {
            let cases = counted(plan.added.len() as u64, "case");
            print_stderr(format_args!("{cases} added, which others need for captured values"));
        }
        Ok(plan)
    }

    /// The way in which a run is done and shown.
    pub(super) fn settings(&self) -> RunSettings<'_> {
        RunSettings {
            jobs: self.jobs.map(usize::from),
            retries: self.retries,
            fail_fast: self.fail_fast,
            as_json: self.json,
            reports: &self.reports,
            palette: Palette::of_stdout(),
        }
    }

    /// Says why there is no case.
    pub(super) fn explain_empty(&self, plan: &RunPlan) -> Exit {
        let why = if plan.suites.is_empty() {
            "there is no suite: their names end in .upshift.toml, .upshift.yaml, .upshift.yml or \
             .upshift.json"
        } else if plan.filtered_out > 0 {
            "no case fits the filter; `upshift test --list` lists them all"
        } else {
            "the suites have no case"
        };
        nothing_run(why)
    }
}
