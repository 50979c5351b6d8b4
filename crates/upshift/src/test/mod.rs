//! `upshift test`: runs suites.

mod arguments;
mod console;
mod exit_code;
mod github;
mod plan_text;
mod report_format;
mod reports;
mod runner;
mod sarif;
mod watching;

use upshift_lab::suite::RunPlan;
use upshift_record::Exit;

use self::runner::run_once;
use crate::runtime::build_runtime;
use crate::signals::StopSignals;
use crate::terminal::{Palette, print_json, print_stdout};
use crate::verb_error::VerbResult;

pub(crate) use self::arguments::TestArgs;
pub(crate) use self::console::verdict_lines;
pub(crate) use self::exit_code::judge_run;
pub(crate) use self::runner::{run_options, stop_run};

impl TestArgs {
    pub(crate) fn run(self) -> VerbResult {
        if self.watch {
            return build_runtime()?.block_on(watching::run_and_watch(&self));
        }
        let plan = self.plan()?;
        if self.list || self.dry_run {
            return self.print_plan(&plan);
        }
        if plan.is_empty() {
            return Ok(self.explain_empty(&plan));
        }
        build_runtime()?.block_on(async {
            let stop = StopSignals::at_any_end()?;
            run_once(&plan, &self.settings(), &stop).await
        })
    }

    fn print_plan(&self, plan: &RunPlan) -> VerbResult {
        let entries = plan.case_entries();
        if self.json {
            print_json(&entries)?;
        } else if self.list {
            print_stdout(&plan_text::list_addresses(&entries))?;
        } else {
            print_stdout(&plan_text::describe_cases(&entries, Palette::of_stdout()))?;
        }
        Ok(if plan.is_empty() { self.explain_empty(plan) } else { Exit::Fine })
    }
}
