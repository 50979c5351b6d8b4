//! Suites: files that say what servers and clients are expected to do.
//!
//! 1. [`plan_suite`] reads a file and plans its cases. Every mistake is reported with its place.
//! 2. Each case has a stable address, made of the file, the id and the lane.
//! 3. [`run_suites`] runs the cases that a [`RunPlan`] has chosen. [`judge_exchange`] compares a
//!    recorded exchange with the expectation.
//! 4. The record of a run counts the outcomes against the plan, and [`report`] renders it.

mod content_schema;
mod date;
pub mod draft;
mod duration;
mod filter;
mod grade_expectation;
mod judge;
mod judge_client;
mod line_index;
mod located_value;
pub mod model;
mod place;
mod plan;
mod predicate;
mod read;
pub mod report;
mod request_text;
mod run;
mod schema;
mod status;
mod toml_text;
mod variables;

pub use date::SuiteDate;
pub use duration::ShortDuration;
pub use filter::{CaseFilter, FilterError};
pub use grade_expectation::GradeExpectation;
pub use judge::judge_exchange;
pub use plan::{
    CaseAction, EnvironmentLookup, PlannedCase, PlannedClient, PlannedLint, PlannedProbe,
    SuitePlan, plan_suite,
};
pub use predicate::{Predicate, TextExpectation};
pub use read::{SuiteError, SuiteFormat, nearest_name};
pub use request_text::{RequestText, RequestTextError};
pub use run::{EventObserver, RunOptions, RunPlan, run_suites};
pub use schema::suite_schema;
pub use status::StatusExpectation;
pub use variables::{CaptureText, VariableError};
