//! The stable types and exit codes that leave Upshift.

pub mod plan;

pub use plan::{PlanEntry, plan};
