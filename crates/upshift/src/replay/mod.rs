//! `upshift replay`: runs one case again, and shows every octet.

mod try_text;

use clap::Args;
use upshift_lab::suite::{CaseFilter, RunPlan, SuitePlan, nearest_name, run_suites};
use upshift_record::Exit;
use upshift_record::suite::{CaseAddress, CaseOutcome, RunEvent, RunRecord};

use crate::runtime::build_runtime;
use crate::signals::StopSignals;
use crate::suite_files::plan_suites;
use crate::terminal::{Palette, print_json, print_stderr, print_stdout};
use crate::test::{judge_run, run_options, stop_run};
use crate::verb_error::{VerbError, VerbResult};

/// Run one case of a suite again, and show every octet
///
/// The address is the one that `upshift test` prints. Cases whose captured values it needs run
/// first. Octets inside of TLS are shown as they were before encryption; those of QUIC are not
/// recorded, and of a long connection only the first 256 KiB are.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift replay 'checkout.upshift.toml::legacy-gets-426[h1.0]'
  upshift replay 'checkout.upshift.toml::curl-follows'
  upshift replay --json 'checkout.upshift.toml::legacy-gets-426[h2]' | jq '.tries[0].evidence'

Exit codes: those of `upshift test`.")]
pub(crate) struct ReplayArgs {
    /// The address of the case: SUITE::ID, with [LANE] for a probe
    address: CaseAddress,
    /// Print the outcome as JSON, with all evidence
    #[arg(long)]
    json: bool,
}

impl ReplayArgs {
    pub(crate) fn run(self) -> VerbResult {
        let plans = plan_suites(&[self.address.suite.clone().into()])?;
        require_case(&plans, &self.address)?;
        let plan = RunPlan::choose(plans, &CaseFilter::Case(self.address.clone()));
        for added in &plan.added {
            print_stderr(format_args!("runs first, for a value that the case needs: {added}"));
        }
        let run = build_runtime()?.block_on(run_plan(&plan))?;
        for outcome in &run.outcomes {
            if outcome.address != self.address && outcome.fell_short() {
                print_stderr(format_args!("{}: {}", outcome.address, outcome.mark()));
            }
        }
        if let Some(outcome) = run.outcome_of(&self.address) {
            self.print_outcome(outcome)?;
        }
        Ok(judge_run(&run))
    }

    fn print_outcome(&self, outcome: &CaseOutcome) -> Result<(), VerbError> {
        if self.json {
            print_json(outcome)?;
        } else {
            print_stdout(&try_text::outcome_text(outcome, Palette::of_stdout()))?;
        }
        Ok(())
    }
}

async fn run_plan(plan: &RunPlan) -> Result<RunRecord, VerbError> {
    let stop = StopSignals::at_any_end()?;
    let (sender, stopping) = tokio::sync::watch::channel(false);
    let options = run_options(None);
    let mut observer = ignore_event;
    tokio::select! {
        run = run_suites(plan, &options, stopping, &mut observer) => Ok(run),
        () = stop_run(&stop, &sender) => Err(VerbError::Printed(Exit::FellShort)),
    }
}

/// The outcome has everything that is shown.
fn ignore_event(_: &RunEvent, _: &RunRecord) {}

/// Checks that the suite has the case.
fn require_case(plans: &[SuitePlan], wanted: &CaseAddress) -> Result<(), VerbError> {
    let mut addresses = Vec::new();
    for plan in plans {
        addresses.extend(plan.cases.iter().map(|case| case.address.clone()));
    }
    if addresses.contains(wanted) {
        return Ok(());
    }
    let same_id: Vec<String> = addresses
        .iter()
        .filter(|address| address.id == wanted.id)
        .map(|address| format!("'{address}'"))
        .collect();
    let help = if same_id.is_empty() {
        match nearest_name(&wanted.id, addresses.iter().map(|address| address.id.as_str())) {
            Some(nearest) => format!("did you mean the case `{nearest}`?"),
            None => format!("`upshift test --list {}` lists its cases", wanted.suite),
        }
    } else {
        format!("it has {}", same_id.join(", "))
    };
    Err(VerbError::usage(format_args!("there is no case {wanted}\n  help: {help}")))
}
