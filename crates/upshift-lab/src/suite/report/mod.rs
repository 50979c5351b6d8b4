//! Reports of a run for other programs.
//!
//! A report takes the outcomes as they come and can be written at any time: what is not there yet
//! is in it as an error, so that a run that is interrupted leaves a valid report that is no
//! success.

mod github;
mod tap;

pub use github::{github_annotations, github_summary};
pub use tap::tap_report;

use upshift_record::suite::Mismatch;

fn list_mismatches(mismatches: &[Mismatch]) -> String {
    let lines: Vec<String> = mismatches.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests;
