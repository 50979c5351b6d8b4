//! The cases of a run with what came of each, as reports show them.

use std::collections::{BTreeMap, BTreeSet};

use super::address::CaseAddress;
use super::entry::CaseEntry;
use super::outcome::{CaseOutcome, CaseTry, CaseVerdict, Mismatch};
use super::run_record::RunRecord;
use super::shell_words::in_quotes;

/// A case of a run so far.
#[derive(Clone, Copy, Debug)]
pub struct RunCase<'r> {
    /// The address.
    pub address: &'r CaseAddress,
    /// The plan of the case; `None` if it was not planned, which is a fault of the runner.
    pub entry: Option<&'r CaseEntry>,
    /// The outcome; `None` if there is none yet.
    pub outcome: Option<&'r CaseOutcome>,
}

/// The state of a case so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseState<'r> {
    /// It passed at once.
    Passed,
    /// It passed after it had fallen short.
    Flaky,
    /// Something was not as expected.
    Failed(&'r [Mismatch]),
    /// It could not be judged.
    Errored(&'r str),
    /// It was left out.
    Skipped(&'r str),
    /// The run ended, or was written down, before this case.
    NotRun,
    /// The plan does not have it, or it came twice.
    Unplanned,
}

impl RunRecord {
    /// The planned cases in order, and then the outcomes that no plan has.
    pub fn cases(&self) -> Vec<RunCase<'_>> {
        // Reports are written after each case, so that looking up each one in a list would cost the
        // cube of their number.
        let mut first_outcomes: BTreeMap<&CaseAddress, &CaseOutcome> = BTreeMap::new();
        let mut others = Vec::new();
        let planned: BTreeSet<&CaseAddress> =
            self.planned.iter().map(|entry| &entry.address).collect();
        for outcome in &self.outcomes {
            let address = &outcome.address;
            if !planned.contains(address) || first_outcomes.contains_key(address) {
                others.push(RunCase { address, entry: None, outcome: Some(outcome) });
            } else {
                first_outcomes.insert(address, outcome);
            }
        }
        let mut cases = Vec::new();
        for entry in &self.planned {
            let address = &entry.address;
            let outcome = first_outcomes.get(address).copied();
            cases.push(RunCase { address, entry: Some(entry), outcome });
        }
        cases.extend(others);
        cases
    }
}

impl<'r> RunCase<'r> {
    /// Its state.
    pub fn state(&self) -> CaseState<'r> {
        let Some(outcome) = self.outcome else { return CaseState::NotRun };
        if self.entry.is_none() {
            return CaseState::Unplanned;
        }
        match outcome.last_try().map(|last| &last.verdict) {
            Some(CaseVerdict::Passed) if outcome.is_flaky() => CaseState::Flaky,
            Some(CaseVerdict::Passed) => CaseState::Passed,
            Some(CaseVerdict::Failed(mismatches)) => CaseState::Failed(mismatches),
            Some(CaseVerdict::Errored(why)) => CaseState::Errored(why),
            Some(CaseVerdict::Skipped(why)) => CaseState::Skipped(why),
            None => CaseState::NotRun,
        }
    }

    /// The tries, in order.
    pub fn tries(&self) -> &'r [CaseTry] {
        self.outcome.map(|outcome| outcome.tries.as_slice()).unwrap_or_default()
    }

    /// The line of the case in its suite, where it is known.
    pub fn line(&self) -> Option<usize> {
        self.entry.and_then(|entry| entry.line).or_else(|| self.outcome?.line)
    }

    /// The command that runs the case again.
    pub fn replay_command(&self) -> String {
        // In quotes, because shells expand brackets.
        format!("upshift replay {}", in_quotes(&self.address.to_string()))
    }
}

impl CaseState<'_> {
    /// The state in a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "pass",
            Self::Flaky => "flaky",
            Self::Failed(_) => "FAIL",
            Self::Skipped(_) => "skip",
            Self::Errored(_) | Self::Unplanned => "ERROR",
            Self::NotRun => "not run",
        }
    }

    /// Returns true if it neither passed nor was left out.
    pub fn falls_short(self) -> bool {
        !matches!(self, Self::Passed | Self::Flaky | Self::Skipped(_))
    }

    /// The reasons for which it fell short or was left out, one a line; empty if it passed.
    pub fn reasons(self) -> Vec<String> {
        match self {
            Self::Passed | Self::Flaky => Vec::new(),
            Self::Failed(mismatches) => mismatches.iter().map(ToString::to_string).collect(),
            Self::Errored(why) | Self::Skipped(why) => vec![why.to_owned()],
            Self::NotRun => vec!["not run: the run ended before this case".to_owned()],
            Self::Unplanned => vec!["the plan does not have this outcome".to_owned()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{CaseKind, RUN_RECORD_SCHEMA};

    fn address(id: &str) -> CaseAddress {
        CaseAddress { suite: "it's.toml".to_owned(), id: id.to_owned(), lane: None }
    }

    fn entry(id: &str) -> CaseEntry {
        CaseEntry {
            address: address(id),
            kind: CaseKind::Probe,
            line: Some(3),
            action: "GET /".to_owned(),
            expects: "status 426".to_owned(),
            needs: Vec::new(),
            retries: 0,
        }
    }

    fn passed(id: &str) -> CaseOutcome {
        let tries = vec![CaseTry::without_evidence(CaseVerdict::Passed)];
        CaseOutcome { address: address(id), kind: CaseKind::Probe, line: None, tries }
    }

    #[test]
    fn every_planned_case_and_every_outcome_is_there() {
        let record = RunRecord {
            schema: RUN_RECORD_SCHEMA.to_owned(),
            started: String::new(),
            suites: Vec::new(),
            planned: vec![entry("a"), entry("b")],
            outcomes: vec![passed("a"), passed("a"), passed("c")],
        };
        let cases = record.cases();
        let states: Vec<CaseState<'_>> = cases.iter().map(RunCase::state).collect();
        let expected =
            [CaseState::Passed, CaseState::NotRun, CaseState::Unplanned, CaseState::Unplanned];
        assert_eq!(states, expected);
        assert_eq!(cases[0].line(), Some(3));
        assert_eq!(cases[1].replay_command(), r"upshift replay 'it'\''s.toml::b'");
    }
}
