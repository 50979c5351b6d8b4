//! The steps of `cargo xtask test`, and the table of their results.

use std::time::{Duration, Instant};

/// The result of a step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum StepResult {
    Succeeded,
    Failed,
    /// The step did not run, for this reason.
    Skipped(String),
}

impl StepResult {
    /// Prints why the step was skipped, if it was; true unless it failed.
    pub(crate) fn print(&self) -> bool {
        if let Self::Skipped(why) = self {
            println!("  skipped: {why}");
        }
        *self != Self::Failed
    }
}

impl From<bool> for StepResult {
    fn from(succeeded: bool) -> Self {
        if succeeded { Self::Succeeded } else { Self::Failed }
    }
}

struct Step {
    name: &'static str,
    result: StepResult,
    took: Duration,
}

/// The results of all steps so far.
#[derive(Default)]
pub(crate) struct Summary {
    steps: Vec<Step>,
}

impl Summary {
    /// Runs a step and keeps its result.
    pub(crate) fn run_step<R: Into<StepResult>>(
        &mut self,
        name: &'static str,
        run: impl FnOnce() -> R,
    ) {
        println!("── {name}");
        let started = Instant::now();
        let result = run().into();
        self.steps.push(Step { name, result, took: started.elapsed() });
    }

    /// Adds a step that does not run at all.
    pub(crate) fn skip_step(&mut self, name: &'static str, why: &str) {
        let result = StepResult::Skipped(why.to_owned());
        self.steps.push(Step { name, result, took: Duration::ZERO });
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.steps.iter().any(|step| step.result == StepResult::Failed)
    }

    /// Returns true if a step of this name ran.
    pub(crate) fn ran(&self, name: &str) -> bool {
        self.steps
            .iter()
            .any(|step| step.name == name && !matches!(step.result, StepResult::Skipped(_)))
    }

    /// Prints a line for each step that ran, then one for each that was skipped.
    pub(crate) fn print_steps(&self) {
        println!("── summary");
        for step in &self.steps {
            let word = match step.result {
                StepResult::Succeeded => "ok    ",
                StepResult::Failed => "FAILED",
                StepResult::Skipped(_) => continue,
            };
            let (seconds, tenths) = (step.took.as_secs(), step.took.subsec_millis() / 100);
            println!("  {word} {:<16}{seconds:>5}.{tenths} s", step.name);
        }
        for step in &self.steps {
            if let StepResult::Skipped(why) = &step.result {
                println!("  skipped {}: {why}", step.name);
            }
        }
    }

    /// Prints the verdict and the time that all steps took together.
    pub(crate) fn print_verdict(&self, verdict: &str) {
        let total: Duration = self.steps.iter().map(|step| step.took).sum();
        println!("  {verdict}; {} min {} s", total.as_secs() / 60, total.as_secs() % 60);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A skipped step neither counts as run nor as failed.
    #[test]
    fn a_skipped_step_neither_ran_nor_failed() {
        let mut summary = Summary::default();
        summary.run_step("a", || StepResult::Skipped("no tool".to_owned()));
        summary.skip_step("b", "not asked for");
        summary.run_step("c", || true);
        assert!(!summary.has_failed());
        assert_eq!(["a", "b", "c"].map(|name| summary.ran(name)), [false, false, true]);
        summary.run_step("d", || false);
        assert!(summary.has_failed());
    }
}
