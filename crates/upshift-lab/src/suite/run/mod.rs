//! Runs the planned cases, and records what came of them.
//!
//! Cases run side by side, in the order of their suites. A case that needs a captured value waits
//! for the case that captures it. The record of the run can be read at any moment, so that reports
//! are written as the run goes.

mod case;
mod client_case;
mod evidence_size;
mod findings;
mod lint_case;
mod options;
mod probe_case;
mod run_plan;
mod schedule;
mod try_result;

use std::time::Instant;

use tokio::sync::watch;
use upshift_record::suite::{RUN_RECORD_SCHEMA, RUN_SCHEMA, RunEvent, RunRecord};

use self::schedule::Schedule;

pub use self::options::{EventObserver, RunOptions};
pub use self::run_plan::RunPlan;

/// Runs the cases of a plan.
///
/// As soon as `stop` is true, the cases that run are ended, and they and all others stay without an
/// outcome.
pub async fn run_suites(
    plan: &RunPlan,
    options: &RunOptions,
    stop: watch::Receiver<bool>,
    observer: EventObserver<'_>,
) -> RunRecord {
    let begun = Instant::now();
    let mut record = RunRecord {
        schema: RUN_RECORD_SCHEMA.to_owned(),
        started: options.started.clone(),
        suites: plan.suite_entries(),
        planned: plan.case_entries(),
        outcomes: Vec::new(),
    };
    let planned = RunEvent::Planned {
        schema: RUN_SCHEMA.to_owned(),
        started: record.started.clone(),
        suites: record.suites.clone(),
        cases: record.planned.clone(),
        filtered_out: plan.filtered_out,
    };
    observer(&planned, &record);
    Schedule::new(plan, options, begun, stop).run(&mut record, observer).await;
    let summary = record.summary();
    let end = RunEvent::Summary { at: begun.elapsed(), success: summary.is_success(), summary };
    observer(&end, &record);
    record
}
