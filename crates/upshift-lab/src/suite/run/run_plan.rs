//! The cases of a run: those of several suites, chosen by a filter.

use std::collections::BTreeSet;

use upshift_record::suite::{CaseAddress, CaseEntry, SuiteEntry};

use crate::suite::filter::CaseFilter;
use crate::suite::plan::SuitePlan;

/// The cases of a run.
#[derive(Clone, Debug)]
pub struct RunPlan {
    /// The suites, with the chosen cases.
    pub suites: Vec<SuitePlan>,
    /// The number of cases that the filter leaves out.
    pub filtered_out: usize,
    /// The cases that the filter leaves out, but that others need for what they capture.
    pub added: Vec<CaseAddress>,
}

impl RunPlan {
    /// The cases of `suites` that fit `filter`, and those that they need.
    pub fn choose(suites: Vec<SuitePlan>, filter: &CaseFilter) -> Self {
        let mut plan = Self { suites: Vec::new(), filtered_out: 0, added: Vec::new() };
        for suite in suites {
            plan.add_suite(suite, filter);
        }
        plan
    }

    fn add_suite(&mut self, mut suite: SuitePlan, filter: &CaseFilter) {
        let before = suite.cases.len();
        let mut chosen = BTreeSet::new();
        // Backwards: a case comes after those that it needs.
        for case in suite.cases.iter().rev() {
            let is_needed = chosen.contains(&case.address);
            if !is_needed && !filter.fits(case) {
                continue;
            }
            if is_needed && !filter.fits(case) {
                self.added.push(case.address.clone());
            }
            chosen.insert(case.address.clone());
            chosen.extend(suite.producers_of(case));
        }
        suite.cases.retain(|case| chosen.contains(&case.address));
        self.filtered_out += before - suite.cases.len();
        self.suites.push(suite);
    }

    /// The number of cases.
    pub fn len(&self) -> usize {
        self.suites.iter().map(|suite| suite.cases.len()).sum()
    }

    /// Returns true if there is no case.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The suites, as records show them.
    pub fn suite_entries(&self) -> Vec<SuiteEntry> {
        let mut entries = Vec::new();
        for suite in &self.suites {
            entries.push(SuiteEntry { path: suite.path.clone(), name: suite.name.clone() });
        }
        entries
    }

    /// The cases, as records show them.
    pub fn case_entries(&self) -> Vec<CaseEntry> {
        let mut entries = Vec::new();
        for suite in &self.suites {
            entries.extend(suite.cases.iter().map(|case| suite.entry_of(case)));
        }
        entries
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;
    use crate::suite::{SuiteFormat, plan_suite};

    const SUITE: &str = "
        target = 'http://127.0.0.1:1'
        [[probe]]
        id = 'login'
        req = 'POST /login'
        expect.'h1.1' = { status = 200 }
        capture.token = { field = 'X-Token' }
        [[probe]]
        id = 'order'
        req = 'GET /${capture:token}'
        expect.'h1.1' = { status = 200 }
        [[probe]]
        id = 'other'
        req = 'GET /'
        expect.'h1.1' = { status = 200 }
    ";

    #[test]
    fn a_chosen_case_brings_those_that_it_needs() {
        let suite = plan_suite("a.toml", SUITE, SuiteFormat::Toml, &|_| None).unwrap();
        let plan = RunPlan::choose(vec![suite], &CaseFilter::parse("id(order)").unwrap());
        let entries = plan.case_entries();
        let ids: Vec<&str> = entries.iter().map(|entry| entry.address.id.as_str()).collect();
        assert_eq!((ids, plan.filtered_out), (vec!["login", "order"], 1));
        assert_eq!(plan.added[0].id, "login");
        assert_eq!(entries[1].needs, [entries[0].address.clone()]);
    }
}
