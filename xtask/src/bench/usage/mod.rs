//! `cargo xtask bench usage`: the cost of recording adoption.
//!
//! Two gateways differ only in `record`: in their CPU time per refusal, and in their instructions
//! per request.

mod callers;
mod gateway;
mod instructions;
mod turns;

use std::io;

use super::options::{BenchOptions, CountsUse};
use super::section::{Section, judge_goal};
use super::test_bed::TestBed;
use gateway::MeasuredCase;
use instructions::{RecordingCost, cost_table};
use turns::measure_turns;

/// The most that recording may cost, in per cent.
const MOST_PERCENT: f64 = 3.0;

/// Measures instructions, and also the CPU time unless only the instructions are gated.
///
/// # Errors
/// If a measurement fails, or recording costs more instructions than allowed and that is gated.
pub(crate) fn run(options: &BenchOptions, bed: &TestBed) -> io::Result<Section> {
    let mut section = Section::new("usage");
    if options.counts == CountsUse::Report {
        let (table, percent) = measure_turns(bed, options.rounds)?;
        section.add_table(&table);
        section.add_text(&format!("By the medians, recording costs {percent:.1} % more."));
    }
    let mut costs = Vec::new();
    for case in [MeasuredCase::Refusal, MeasuredCase::Ramp] {
        println!("  counting the instructions of the {}", case.name());
        costs.push(RecordingCost::count(bed, case)?);
    }
    section.add_table(&cost_table(&costs));
    for cost in &costs {
        section.add_text(&cost.compare_other_threads());
    }
    let mut missed = Vec::new();
    for cost in &costs {
        let what = format!("per cent that recording adds to a {}", cost.describe());
        let goal = judge_goal(&what, cost.percent(), MOST_PERCENT, 1);
        section.add_text(&goal.text);
        if !goal.is_met {
            missed.push(goal.text);
        }
    }
    if options.counts == CountsUse::Gate && !missed.is_empty() {
        return Err(io::Error::other(missed.join("\n  ")));
    }
    Ok(section)
}
