//! The time for which a forecast is made: every rule enforced, or the policy as it is at a date.

use upshift_core::policy::RefusedShare;
use upshift_core::{Phase, Policy, Timestamp};

use crate::outcome::{Outcome, RuleOutcomes};
use crate::ramp_bucket::RampBucket;

/// The strictness of each rule.
#[derive(Clone, Debug)]
pub(crate) struct View(Vec<RuleMode>);

/// The strictness of one rule.
#[derive(Clone, Copy, Debug, PartialEq)]
enum RuleMode {
    /// It refuses nobody.
    Lenient,
    /// It refuses everybody who falls short.
    Enforced,
    /// It refuses this share of those who fall short, by identity.
    Ramp(RefusedShare),
}

impl View {
    /// Every rule enforced.
    pub(crate) fn enforced(policy: &Policy) -> Self {
        Self(vec![RuleMode::Enforced; policy.rules().len()])
    }

    /// The policy as it is at this time.
    pub(crate) fn at(policy: &Policy, time: Timestamp) -> Self {
        let mut modes = Vec::new();
        for rule in policy.rules() {
            let state = rule.rollout_state(time);
            modes.push(match state.phase {
                Phase::Off | Phase::Observe | Phase::Warn | Phase::Paused => RuleMode::Lenient,
                Phase::Brownout | Phase::Enforce => RuleMode::Enforced,
                Phase::Ramp => RuleMode::Ramp(state.share),
            });
        }
        Self(modes)
    }

    /// Returns true if outcomes are the same for all requests for which they are the same under
    /// full enforcement.
    pub(crate) fn is_uniform(&self, outcomes: &RuleOutcomes) -> bool {
        for (mode, outcome) in self.0.iter().zip(&outcomes.0) {
            if matches!(mode, RuleMode::Ramp(_)) && *outcome == Outcome::Refused {
                return false;
            }
        }
        true
    }

    /// The outcomes of a request with these outcomes under full enforcement. `bucket_of` returns
    /// its bucket in the ramp of a rule, by the rule's index.
    pub(crate) fn apply(
        &self,
        outcomes: &RuleOutcomes,
        mut bucket_of: impl FnMut(usize) -> RampBucket,
    ) -> RuleOutcomes {
        let mut applied = outcomes.clone();
        for (index, outcome) in applied.0.iter_mut().enumerate() {
            *outcome = match (self.0[index], *outcome) {
                (RuleMode::Lenient, Outcome::Refused | Outcome::Unknown) => Outcome::Passes,
                (RuleMode::Ramp(share), Outcome::Refused) => match bucket_of(index).is_in(share) {
                    Some(true) => Outcome::Refused,
                    Some(false) => Outcome::Passes,
                    None => Outcome::Unknown,
                },
                (_, outcome) => outcome,
            };
        }
        applied
    }
}
