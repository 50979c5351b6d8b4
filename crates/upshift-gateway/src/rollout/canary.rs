//! The canary: another policy is tried on the callers of the last minutes before it is in force.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use upshift_adoption::canary::RecordedFields;
use upshift_adoption::list_callers_behind;
use upshift_adoption::overrides::{Imposed, RolloutChange};
use upshift_core::{Phase, Policy, Timestamp};
use upshift_record::canary::{CanaryReport, EnforcementTrial};

use super::Control;

/// The time for one comparison. With thousands of rules, all callers would take longer than a verb
/// waits for its answer.
const TIME_LIMIT: Duration = Duration::from_millis(500);
/// The most callers that are listed one by one.
const MAX_LISTED: usize = 50;

impl Control {
    /// The effect that the policy of another file would have on the callers of the last minutes,
    /// under the overrides in force.
    pub(crate) fn try_file_policy(&self, file: &Policy, now: Timestamp) -> CanaryReport {
        let (running, next) = {
            let state = self.state();
            (state.effective_policy(now), state.under_present_overrides(file, now))
        };
        self.compare_policies(&running, &next, now)
    }

    /// The effect that enforcing a rule would have on the callers of the last minutes; `None` if the
    /// policy does not have the rule.
    pub(crate) fn try_enforcing(&self, rule: &str, now: Timestamp) -> Option<EnforcementTrial> {
        let imposed = Imposed::parse(Phase::Enforce.as_str())?;
        let change = RolloutChange::Set { rule: rule.to_owned(), imposed, until: None };
        let (running, next) = {
            let state = self.state();
            state.file_policy().rule(rule)?;
            (state.effective_policy(now), state.policy_after(&change, now).ok()?)
        };
        let report = self.compare_policies(&running, &next, now);
        let recent = self.usage.recent().lock().unwrap_or_else(PoisonError::into_inner);
        let started = Instant::now();
        let has_time = || started.elapsed() < TIME_LIMIT;
        let behind =
            list_callers_behind(&recent, (&next, rule), &self.key, now, MAX_LISTED, has_time);
        Some(EnforcementTrial { report, behind })
    }

    /// The effect that `next` would have on the callers of the last minutes. It decides thousands of
    /// requests, so no lock of the control may be held.
    pub(super) fn compare_policies(
        &self,
        running: &Policy,
        next: &Policy,
        now: Timestamp,
    ) -> CanaryReport {
        if !self.usage.is_recording() {
            return CanaryReport { off: true, ..CanaryReport::default() };
        }
        let recorded = RecordedFields::of_policy(running);
        let recent = self.usage.recent().lock().unwrap_or_else(PoisonError::into_inner);
        let started = Instant::now();
        recent.compare_policies((running, next), &recorded, now, || started.elapsed() < TIME_LIMIT)
    }
}
