//! The numbers of a run.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::address::CaseAddress;
use super::outcome::{CaseOutcome, CaseVerdict};

/// The numbers of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct RunSummary {
    /// The cases of the plan, after filters.
    pub planned: usize,
    /// The cases with an outcome.
    pub executed: usize,
    /// Those that passed, flaky ones included.
    pub passed: usize,
    /// Those that passed after they had failed.
    pub flaky: usize,
    /// Those that failed.
    pub failed: usize,
    /// Those that could not be judged.
    pub errored: usize,
    /// Those that were left out.
    pub skipped: usize,
    /// The cases of the plan without an outcome, by address. Any fails the run.
    pub missing: Vec<String>,
    /// The outcomes that no case of the plan has, or that came twice. Any fails the run.
    pub unplanned: Vec<String>,
}

impl RunSummary {
    /// Counts the outcomes of a plan.
    ///
    /// Plan and outcomes are compared by address: a runner that ends early, or that runs a case
    /// twice, must not look like a success.
    pub fn of(planned: &[CaseAddress], outcomes: &[CaseOutcome]) -> Self {
        let mut summary = Self { planned: planned.len(), ..Self::default() };
        let mut awaited: BTreeSet<&CaseAddress> = planned.iter().collect();
        for outcome in outcomes {
            if !awaited.remove(&outcome.address) {
                summary.unplanned.push(outcome.address.to_string());
            }
            summary.count(outcome);
        }
        summary.missing = awaited.into_iter().map(ToString::to_string).collect();
        summary
    }

    /// Returns true if every planned case ran once, and none fell short.
    pub fn is_success(&self) -> bool {
        let complete = self.missing.is_empty() && self.unplanned.is_empty();
        complete && self.failed == 0 && self.errored == 0
    }

    fn count(&mut self, outcome: &CaseOutcome) {
        self.executed += 1;
        self.flaky += usize::from(outcome.is_flaky());
        let counter = match outcome.last_try().map(|last| &last.verdict) {
            Some(CaseVerdict::Passed) => &mut self.passed,
            Some(CaseVerdict::Failed(_)) => &mut self.failed,
            Some(CaseVerdict::Skipped(_)) => &mut self.skipped,
            // An outcome without a try is a fault of the runner.
            Some(CaseVerdict::Errored(_)) | None => &mut self.errored,
        };
        *counter += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{CaseKind, CaseTry};

    fn address(id: &str) -> CaseAddress {
        CaseAddress { suite: "a.toml".to_owned(), id: id.to_owned(), lane: None }
    }

    fn outcome(id: &str, verdicts: &[CaseVerdict]) -> CaseOutcome {
        let tries = verdicts.iter().cloned().map(CaseTry::without_evidence).collect();
        CaseOutcome { address: address(id), kind: CaseKind::Probe, line: None, tries }
    }

    #[test]
    fn outcomes_are_counted() {
        let failed = CaseVerdict::Failed(Vec::new());
        let outcomes = [
            outcome("a", &[CaseVerdict::Passed]),
            outcome("b", &[failed.clone(), CaseVerdict::Passed]),
            outcome("c", &[failed]),
            outcome("d", &[CaseVerdict::Skipped("no h3".to_owned())]),
        ];
        let planned = ["a", "b", "c", "d"].map(address);
        let summary = RunSummary::of(&planned, &outcomes);
        assert_eq!((summary.passed, summary.flaky), (2, 1));
        assert_eq!((summary.failed, summary.skipped, summary.executed), (1, 1, 4));
        assert!(!summary.is_success());
    }

    #[test]
    fn a_run_that_ends_early_is_no_success() {
        let planned = ["a", "b"].map(address);
        let summary = RunSummary::of(&planned, &[outcome("a", &[CaseVerdict::Passed])]);
        assert_eq!(summary.missing, ["a.toml::b"]);
        assert!(!summary.is_success());
    }

    #[test]
    fn an_outcome_that_comes_twice_is_no_success() {
        let passed = outcome("a", &[CaseVerdict::Passed]);
        let summary = RunSummary::of(&[address("a")], &[passed.clone(), passed]);
        assert_eq!(summary.unplanned, ["a.toml::a"]);
        assert!(!summary.is_success());
    }
}
