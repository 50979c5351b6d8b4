//! The canary: another policy is tried on the callers of the last minutes before it is in force.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use upshift_adoption::canary::RecordedFields;
use upshift_adoption::overrides::{Imposed, RolloutChange};
use upshift_core::{Phase, Policy, Timestamp};
use upshift_record::canary::CanaryReport;

use super::Control;

/// The time for one comparison. With thousands of rules, all callers would take longer than a verb
/// waits for its answer.
const TIME_LIMIT: Duration = Duration::from_millis(500);

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
    pub(crate) fn try_enforcing(&self, rule: &str, now: Timestamp) -> Option<CanaryReport> {
        let imposed = Imposed::parse(Phase::Enforce.as_str())?;
        let change = RolloutChange::Set { rule: rule.to_owned(), imposed, until: None };
        let (running, next) = {
            let state = self.state();
            state.file_policy().rule(rule)?;
            (state.effective_policy(now), state.policy_after(&change, now).ok()?)
        };
        Some(self.compare_policies(&running, &next, now))
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
