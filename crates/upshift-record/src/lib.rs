//! The stable types and exit codes that leave Upshift: names in JSON are API.

pub mod control;
pub mod decision;
mod exit;
pub mod plan;
pub mod trace;

pub use decision::{AnswerRecord, DecisionRecord, ObservedRecord, RequiredRecord, RulingRecord};
pub use exit::Exit;
pub use plan::{PlanEntry, plan};
pub use trace::{HopRecord, RefusedRecord, RuleRecord, TraceRecord};
