//! The phases of the rules as the log last had them, and the time at which one of them changes.

use std::collections::HashMap;
use std::sync::Arc;

use upshift_core::policy::{RefusedShare, RolloutState};
use upshift_core::{Phase, Policy, Timestamp};
use upshift_record::evidence::RulePhaseRecord;

/// Compares the phases of a policy's rules with those of the policy before.
#[derive(Default)]
pub(super) struct PhaseLog {
    phases: Arc<[RulePhaseRecord]>,
    recorded_at: Option<Timestamp>,
    /// The first time after `recorded_at` at which the calendar or an override changes a phase.
    next_boundary: Option<Timestamp>,
}

/// The phases of a policy's rules, and those that are others than before.
pub(super) struct RecordedPhases {
    /// All rules, in the order of the file.
    pub(super) all: Arc<[RulePhaseRecord]>,
    /// The rules that are new, or whose phase, its end or its author is another.
    pub(super) changed: Vec<RulePhaseRecord>,
    /// The rules whose phase is another. Those that are new or gone are left out.
    pub(super) changes: Vec<PhaseChange>,
}

/// A rule whose phase is another one than before.
#[derive(Debug, PartialEq)]
pub(super) struct PhaseChange {
    pub(super) rule: String,
    pub(super) from: Phase,
    pub(super) to: Phase,
    pub(super) share: RefusedShare,
}

impl PhaseLog {
    /// Returns true if a phase may have changed by `now` although the policy did not.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        // A clock that was set back has returned to an earlier phase.
        let is_set_back = matches!(self.recorded_at, Some(recorded) if now < recorded);
        is_set_back || matches!(self.next_boundary, Some(boundary) if boundary <= now)
    }

    /// The first time after the last record at which the calendar or an override changes a phase.
    pub(super) fn next_boundary(&self) -> Option<Timestamp> {
        self.next_boundary
    }

    /// Records the phases of `policy` at `now`.
    pub(super) fn record_phases(&mut self, policy: &Policy, now: Timestamp) -> RecordedPhases {
        let before = std::mem::take(&mut self.phases);
        let mut known: HashMap<&str, &RulePhaseRecord> = HashMap::with_capacity(before.len());
        known.extend(before.iter().map(|record| (record.rule.as_str(), record)));
        let (mut all, mut changed, mut changes) = (Vec::new(), Vec::new(), Vec::new());
        self.recorded_at = Some(now);
        self.next_boundary = None;
        for rule in policy.rules() {
            let RolloutState { phase, share, until } = rule.rollout_state(now);
            if let Some(until) = until {
                let earliest = self.next_boundary.map_or(until, |boundary| boundary.min(until));
                self.next_boundary = Some(earliest);
            }
            let record = RulePhaseRecord::of_rule(rule, now);
            let old = known.get(record.rule.as_str());
            if let Some(from) = old.and_then(|old| Phase::parse(&old.phase))
                && from != phase
            {
                let rule = record.rule.clone();
                changes.push(PhaseChange { rule, from, to: phase, share });
            }
            if !old.is_some_and(|old| old.is_same_phase(&record)) {
                changed.push(record.clone());
            }
            all.push(record);
        }
        self.phases = all.into();
        RecordedPhases { all: Arc::clone(&self.phases), changed, changes }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use upshift_core::HttpVersion;
    use upshift_core::policy::{PolicySpec, Requirement, Rollout, RolloutPlan, RuleSpec};

    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A rule that warns from 100 and enforces from 200.
    fn policy() -> Policy {
        let mut rule = RuleSpec::new("orders", vec![Requirement::Http(HttpVersion::V2)]);
        let (warn, enforce) = (Some(second(100)), Some(second(200)));
        rule.rollout =
            Some(Rollout::new(RolloutPlan { warn, enforce, ..RolloutPlan::default() }).unwrap());
        Policy::new(PolicySpec { rules: vec![rule], ..PolicySpec::default() }).unwrap()
    }

    fn change(from: Phase, to: Phase, share: RefusedShare) -> PhaseChange {
        PhaseChange { rule: "orders".into(), from, to, share }
    }

    #[test]
    fn the_phases_are_due_at_every_boundary_and_at_no_other_time() {
        let (policy, mut log) = (policy(), PhaseLog::default());
        assert_eq!(log.record_phases(&policy, second(10)).changes, []);
        assert!(!log.is_due(second(99)));
        assert!(log.is_due(second(100)));
        let warns = change(Phase::Off, Phase::Warn, RefusedShare::NONE);
        assert_eq!(log.record_phases(&policy, second(150)).changes, [warns]);
        assert!(!log.is_due(second(199)));
        assert!(log.is_due(second(200)));
        let enforces = change(Phase::Warn, Phase::Enforce, RefusedShare::ALL);
        assert_eq!(log.record_phases(&policy, second(200)).changes, [enforces]);
        assert!(!log.is_due(second(1_000_000)), "nothing follows");
    }

    #[test]
    fn a_clock_that_is_set_back_is_noticed() {
        let (policy, mut log) = (policy(), PhaseLog::default());
        log.record_phases(&policy, second(250));
        assert!(log.is_due(second(249)));
        let warns_again = change(Phase::Enforce, Phase::Warn, RefusedShare::NONE);
        assert_eq!(log.record_phases(&policy, second(150)).changes, [warns_again]);
        assert!(log.is_due(second(200)));
    }
}
