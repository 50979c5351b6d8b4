//! The outcome of cases and of a whole run.

use std::collections::BTreeSet;
use std::time::Duration;

use super::address::CaseAddress;
use super::judge::Mismatch;

/// The verdict on one try of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseVerdict {
    /// Everything was as expected.
    Passed,
    /// Something was not.
    Failed(Vec<Mismatch>),
    /// The case could not be judged, for example because the client is not installed.
    Errored(String),
    /// The case was left out, with the reason.
    Skipped(String),
}

/// One try of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseTry {
    /// The verdict.
    pub verdict: CaseVerdict,
    /// The time that it took.
    pub took: Duration,
    /// The transcript: requests and responses, or the output of a client.
    pub transcript: String,
}

/// The outcome of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseOutcome {
    /// The address of the case.
    pub address: CaseAddress,
    /// Its kind: `probe`, `client` or `lint`.
    pub kind: &'static str,
    /// Every try, in order. The last one counts.
    pub tries: Vec<CaseTry>,
}

impl CaseOutcome {
    /// The try that counts.
    pub fn last_try(&self) -> Option<&CaseTry> {
        self.tries.last()
    }

    /// Returns true if it passed after it had failed.
    pub fn is_flaky(&self) -> bool {
        let passed = self.last_try().is_some_and(|last| last.verdict == CaseVerdict::Passed);
        passed && self.tries.len() > 1
    }

    /// The time of all tries.
    pub fn took(&self) -> Duration {
        self.tries.iter().map(|one| one.took).sum()
    }
}

/// The numbers of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
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

    fn address(id: &str) -> CaseAddress {
        CaseAddress { suite: "a.toml".to_owned(), id: id.to_owned(), lane: None }
    }

    fn outcome(id: &str, verdicts: &[CaseVerdict]) -> CaseOutcome {
        let mut tries = Vec::new();
        for verdict in verdicts {
            let verdict = verdict.clone();
            tries.push(CaseTry { verdict, took: Duration::ZERO, transcript: String::new() });
        }
        CaseOutcome { address: address(id), kind: "probe", tries }
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
