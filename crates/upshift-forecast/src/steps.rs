//! The steps of a rule's plan that are still to come.

use jiff::{SignedDuration, Timestamp};
use upshift_core::Phase;
use upshift_core::policy::{RefusedShare, RolloutStage, Rule};

use crate::ramp_bucket::RampBucket;

/// The shares of a linear ramp at which it is shown.
const LINEAR_POINTS: [u64; 3] = [2_500, 5_000, 7_500];

/// A step: from a time on, a share of those who fall short is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PlanStep {
    pub(crate) at: Timestamp,
    pub(crate) phase: Phase,
    pub(crate) share: RefusedShare,
    /// The end of a brownout.
    pub(crate) until: Option<Timestamp>,
}

/// The growing shares of a ramp.
#[derive(Clone, Debug, Default)]
pub(crate) struct RampSteps(Vec<RefusedShare>);

/// The first step of a ramp that refuses a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FirstStep {
    /// The step with this index.
    At(usize),
    /// None.
    Never,
    /// The line does not tell.
    Unknown,
}

/// The steps of a rule that refuse and begin after `now`, in their order.
pub(crate) fn steps_to_come(rule: &Rule, now: Timestamp) -> Vec<PlanStep> {
    let mut steps = Vec::new();
    // A pinned phase beats the plan.
    let (None, Some(rollout)) = (rule.phase, &rule.rollout) else { return steps };
    for stage in rollout.stages() {
        if !stage.phase.refuses() {
            continue;
        }
        let is_linear = stage.final_share > stage.share;
        if is_linear {
            steps.extend(linear_steps(stage, now));
        } else if stage.from > now && stage.share > RefusedShare::NONE {
            let until = if stage.phase == Phase::Brownout { stage.to } else { None };
            steps.push(PlanStep { at: stage.from, phase: stage.phase, share: stage.share, until });
        }
    }
    steps
}

/// The times at which a linear ramp reaches the shares that are shown.
fn linear_steps(stage: &RolloutStage, now: Timestamp) -> Vec<PlanStep> {
    let mut steps = Vec::new();
    let Some(to) = stage.to else { return steps };
    let length = to.as_second() - stage.from.as_second();
    for points in LINEAR_POINTS {
        // Up, so that the share has been reached by then.
        let seconds = (length * points as i64 + 9_999) / 10_000;
        let at = stage.from.saturating_add(SignedDuration::from_secs(seconds));
        let at = at.unwrap_or(to);
        if at > now {
            let share = RefusedShare::from_basis_points(points);
            steps.push(PlanStep { at, phase: stage.phase, share, until: None });
        }
    }
    steps
}

impl RampSteps {
    /// The shares of the steps that are part of a ramp.
    pub(crate) fn of_steps(steps: &[PlanStep]) -> Self {
        let mut shares = Vec::new();
        for step in steps {
            if step.phase == Phase::Ramp {
                shares.push(step.share);
            }
        }
        Self(shares)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The step that refuses a request with this bucket first.
    pub(crate) fn first_refusing(&self, bucket: RampBucket) -> FirstStep {
        for (index, share) in self.0.iter().enumerate() {
            match bucket.is_in(*share) {
                Some(true) => return FirstStep::At(index),
                Some(false) => {}
                None => return FirstStep::Unknown,
            }
        }
        FirstStep::Never
    }
}
