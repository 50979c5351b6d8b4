//! Reports of a run for other programs.
//!
//! A report is made of the record of the run, and can be made at any time: what has no outcome yet
//! is in it as an error, so that a run that is interrupted leaves a valid report that is no success.

mod github;
mod junit;
mod tap;
mod xml;

pub use github::{github_annotations, github_summary};
pub use junit::junit_report;
pub use tap::tap_report;

#[cfg(test)]
mod tests;
