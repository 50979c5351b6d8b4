//! A run so far. Reports are made of it, at any moment.

use serde::{Deserialize, Serialize};

use super::address::CaseAddress;
use super::entry::{CaseEntry, SuiteEntry};
use super::outcome::CaseOutcome;
use super::summary::RunSummary;

/// The value of `schema` in a [`RunRecord`].
pub const RUN_RECORD_SCHEMA: &str = "upshift.test-report/1";

/// A run so far: the plan, and the outcomes of the cases that have one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The format and its version: [`RUN_RECORD_SCHEMA`].
    pub schema: String,
    /// The start of the run, as `2027-03-31T09:30:00Z`.
    pub started: String,
    /// The suites, in the order in which they were given.
    pub suites: Vec<SuiteEntry>,
    /// The planned cases, in the order of the suites. Filters have been applied.
    pub planned: Vec<CaseEntry>,
    /// The outcomes, in the order in which the cases finished.
    pub outcomes: Vec<CaseOutcome>,
}

impl RunRecord {
    /// The numbers of the run. A planned case without an outcome counts as missing.
    pub fn summary(&self) -> RunSummary {
        RunSummary::of(&self.addresses(), &self.outcomes)
    }

    /// The addresses of the plan, in order.
    pub fn addresses(&self) -> Vec<CaseAddress> {
        self.planned.iter().map(|case| case.address.clone()).collect()
    }

    /// The outcome of a case, if it has one yet.
    pub fn outcome_of(&self, address: &CaseAddress) -> Option<&CaseOutcome> {
        self.outcomes.iter().find(|outcome| outcome.address == *address)
    }
}
