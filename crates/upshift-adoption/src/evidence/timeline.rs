//! The policies and phases over time, as the ledger has them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use upshift_record::evidence::{ChangeEvidence, RulePhaseRecord};
use upshift_record::policy::{PolicyRecord, PolicyRuleRecord};

use super::period::Period;
use crate::ledger::RevisionCause;

/// The policies and phases over time.
#[derive(Default)]
pub(super) struct Timeline {
    /// The spans of each rule, in the order of time.
    pub(super) rules: BTreeMap<String, Vec<RuleSpan>>,
    /// The spans of the policies, in the order of time.
    pub(super) policies: Vec<PolicySpan>,
    /// The times for which records are missing or incomplete, in order.
    pub(super) gaps: Vec<Gap>,
    /// The policies by their digests.
    pub(super) texts: BTreeMap<String, PolicyRecord>,
    /// The time of the first revision.
    pub(super) begin: Option<Timestamp>,
}

/// A span in which a rule was in one phase.
#[derive(Clone, Debug)]
pub(super) struct RuleSpan {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) state: RulePhaseRecord,
    /// The number of the revision that began it.
    pub(super) revision: u64,
    pub(super) cause: RevisionCause,
    /// An override from before that revision.
    pub(super) held: bool,
    pub(super) actor: String,
    pub(super) reason: String,
    /// The change of the overrides that began it.
    pub(super) change: Option<ChangeEvidence>,
}

/// A policy in force.
#[derive(Clone, Debug)]
pub(super) struct PolicySpan {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) digest: String,
    /// The account or person that put it in force.
    pub(super) actor: String,
    pub(super) reason: String,
}

/// A time for which records are missing or incomplete.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    pub(super) times: Period,
    pub(super) kind: GapKind,
}

/// The kinds of gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GapKind {
    /// The gateway had stopped.
    Stopped,
    /// The gateway was killed, or could not write.
    NotRecorded,
    /// Requests were not counted.
    UsageOff,
    /// Requests were counted in part.
    UsageLost,
}

impl RuleSpan {
    pub(super) fn times(&self) -> Period {
        Period { from: self.from, to: self.to }
    }
}

impl PolicySpan {
    pub(super) fn times(&self) -> Period {
        Period { from: self.from, to: self.to }
    }
}

impl GapKind {
    /// The name in JSON.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::NotRecorded => "not-recorded",
            Self::UsageOff => "usage-off",
            Self::UsageLost => "usage-lost",
        }
    }

    /// Returns true if the phases are not known, either.
    pub(super) fn hides_phases(self) -> bool {
        matches!(self, Self::Stopped | Self::NotRecorded)
    }
}

impl Timeline {
    /// The time of the first revision.
    pub(super) fn records_begin(&self) -> Option<Timestamp> {
        self.begin
    }

    /// The spans of a rule, in the order of time.
    pub(super) fn spans_of(&self, rule: &str) -> &[RuleSpan] {
        self.rules.get(rule).map_or(&[], Vec::as_slice)
    }

    /// The names of all rules: those of the latest policy in its order, then the others.
    pub(super) fn rule_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        if let Some(policy) = self.policies.last().and_then(|span| self.texts.get(&span.digest)) {
            names.extend(policy.rules.iter().map(|rule| rule.id.as_str()));
        }
        let latest: std::collections::BTreeSet<&str> = names.iter().copied().collect();
        for rule in self.rules.keys() {
            if !latest.contains(rule.as_str()) {
                names.push(rule);
            }
        }
        names
    }

    /// The definitions of a rule over time. Consecutive equal definitions are merged.
    pub(super) fn definitions_of(&self, rule: &str) -> Vec<(PolicySpan, &PolicyRuleRecord)> {
        let mut definitions: Vec<(PolicySpan, &PolicyRuleRecord)> = Vec::new();
        for span in &self.policies {
            let policy = self.texts.get(&span.digest);
            let Some(found) = policy.and_then(|policy| find_rule(policy, rule)) else { continue };
            if let Some((last, same)) = definitions.last_mut()
                && same.has_same_definition(found)
            {
                last.to = span.to;
                continue;
            }
            definitions.push((span.clone(), found));
        }
        definitions
    }

    /// Returns true if nothing is known of the phases in this whole period.
    pub(super) fn is_hidden(&self, period: Period) -> bool {
        self.gaps
            .iter()
            .any(|gap| gap.kind.hides_phases() && gap.times.clip(period) == Some(period))
    }
}

fn find_rule<'p>(policy: &'p PolicyRecord, rule: &str) -> Option<&'p PolicyRuleRecord> {
    policy.rules.iter().find(|found| found.id == rule)
}
