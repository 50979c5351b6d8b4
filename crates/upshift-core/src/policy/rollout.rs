//! The calendar of a rule: its phases in time.
//!
//! 1. Intervals are `[from, to)`; the phase is the latest one that has begun, `off` before the
//!    first.
//! 2. Outside its windows a brownout is `warn`.
//! 3. A ramp refuses an identity whose bucket is below the share. The share never falls, so no
//!    caller is refused, admitted and then refused again.
//! 4. Everything follows from `now` and the policy, so replicas agree without communicating.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::phase::{Phase, RefusedShare};

/// The dates of a rollout, as they are written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RolloutPlan {
    /// The time from which callers are counted.
    pub observe: Option<Timestamp>,
    /// The time from which callers are warned.
    pub warn: Option<Timestamp>,
    /// Windows `[from, to)` of refusal.
    pub brownout: Vec<(Timestamp, Timestamp)>,
    /// The ramp, which refuses a growing share.
    pub ramp: Option<RampPlan>,
    /// The time from which every caller is refused.
    pub enforce: Option<Timestamp>,
}

/// The growth of a ramp.
#[derive(Clone, Debug, PartialEq)]
pub enum RampPlan {
    /// From nothing at this time to everything at `enforce`.
    Linear(Timestamp),
    /// To these shares at these times.
    Steps(Vec<(Timestamp, RefusedShare)>),
}

/// The fault of a [`RolloutPlan`] that cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// A later phase begins before an earlier one ends: the earlier, then the later.
    Order(Phase, Phase),
    /// A brownout's window ends before it begins, or overlaps the next.
    Windows,
    /// A linear ramp has no `enforce` to end at.
    Endless,
    /// The steps of a ramp are not in order, the share falls, or there are no steps.
    Steps,
    /// The plan has no phase.
    Empty,
}

/// A valid plan, with its calendar.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    plan: RolloutPlan,
    stages: Vec<RolloutStage>,
}

/// One stretch of a rollout's calendar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RolloutStage {
    /// Its phase.
    pub phase: Phase,
    /// Its beginning.
    pub from: Timestamp,
    /// The beginning of the next stage; `None` if this is the last.
    pub to: Option<Timestamp>,
    /// The share that is refused at the beginning.
    pub share: RefusedShare,
    /// The share just before the end: greater in a linear ramp only.
    pub final_share: RefusedShare,
}

/// The state of a rule's rollout at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RolloutState {
    /// The phase.
    pub phase: Phase,
    /// The share that is refused.
    pub share: RefusedShare,
    /// The end of the phase or the window, if it ends.
    pub until: Option<Timestamp>,
}

impl Rollout {
    /// From a plan.
    ///
    /// # Errors
    /// If its phases are not in order or could not be followed.
    pub fn new(plan: RolloutPlan) -> Result<Self, PlanError> {
        check_order(&plan)?;
        check_windows(&plan)?;
        check_ramp(&plan)?;
        let stages = calendar_of(&plan);
        Ok(Self { plan, stages })
    }

    /// The plan as it was written.
    pub fn plan(&self) -> &RolloutPlan {
        &self.plan
    }

    /// The calendar: stages in order, without gaps.
    pub fn stages(&self) -> &[RolloutStage] {
        &self.stages
    }

    /// The next time at which a stage of `phase` begins, or else the last one; `None` if the rollout
    /// has no such stage.
    pub fn next_start(&self, phase: Phase, now: Timestamp) -> Option<Timestamp> {
        let mut last = None;
        for stage in &self.stages {
            if stage.phase == phase {
                last = Some(stage.from);
                if stage.from > now {
                    break;
                }
            }
        }
        last
    }

    /// The state of the rollout at `now`.
    pub fn state_at(&self, now: Timestamp) -> RolloutState {
        // Stages are in order, so a search by halves finds the current one.
        let begun = self.stages.partition_point(|stage| stage.from <= now);
        match (&self.stages[..begun], self.stages.get(begun)) {
            ([.., stage], _) => {
                RolloutState { phase: stage.phase, share: stage.share_at(now), until: stage.to }
            }
            ([], next) => RolloutState {
                phase: Phase::Off,
                share: RefusedShare::NONE,
                until: next.map(|stage| stage.from),
            },
        }
    }
}

impl RolloutStage {
    /// The first time at which the stage refuses a greater share than `limit` (a fraction), if it
    /// ever does.
    pub fn exceeds(&self, limit: f64) -> Option<Timestamp> {
        if self.share.fraction() > limit {
            return Some(self.from);
        }
        let to = self.to?;
        if self.final_share.fraction() <= limit {
            return None;
        }
        let length = to.as_second() - self.from.as_second();
        // The least share above the limit, and the first whole second at which a linear ramp has
        // it.
        let points = (limit * 10_000.0).floor() as i64 + 1;
        let seconds = (points * length + 9_999) / 10_000;
        self.from.checked_add(SignedDuration::from_secs(seconds)).ok()
    }

    /// The share refused at `now`: floor(10 000 · (now − from) / (to − from)) in whole seconds for
    /// a linear ramp.
    fn share_at(&self, now: Timestamp) -> RefusedShare {
        let (Some(to), true) = (self.to, self.final_share > self.share) else { return self.share };
        // A ramp of less than a second would divide by zero.
        let length = (to.as_second() - self.from.as_second()).max(1);
        let passed = (now.as_second() - self.from.as_second()).clamp(0, length);
        RefusedShare::from_basis_points(passed.unsigned_abs() * 10_000 / length.unsigned_abs())
    }
}

/// The beginning of a stage.
struct StageStart {
    /// The phase whose dates in the plan it comes from.
    planned: Phase,
    /// The phase of the stage, which is another one between the windows of a brownout.
    phase: Phase,
    from: Timestamp,
    /// The share that is refused from then on.
    share: RefusedShare,
}

impl StageStart {
    fn new(phase: Phase, from: Timestamp, share: RefusedShare) -> Self {
        Self { planned: phase, phase, from, share }
    }
}

/// The beginnings of all stages, in the order of a rollout's phases.
fn stage_starts(plan: &RolloutPlan) -> Vec<StageStart> {
    let mut starts = Vec::new();
    starts.extend(plan.observe.map(|at| StageStart::new(Phase::Observe, at, RefusedShare::NONE)));
    starts.extend(plan.warn.map(|at| StageStart::new(Phase::Warn, at, RefusedShare::NONE)));
    for (from, to) in &plan.brownout {
        starts.push(StageStart::new(Phase::Brownout, *from, RefusedShare::ALL));
        // Outside its windows a brownout warns.
        let warn = StageStart::new(Phase::Warn, *to, RefusedShare::NONE);
        starts.push(StageStart { planned: Phase::Brownout, ..warn });
    }
    match &plan.ramp {
        Some(RampPlan::Linear(from)) => {
            starts.push(StageStart::new(Phase::Ramp, *from, RefusedShare::NONE));
        }
        Some(RampPlan::Steps(steps)) => {
            for (at, share) in steps {
                starts.push(StageStart::new(Phase::Ramp, *at, *share));
            }
        }
        None => {}
    }
    starts.extend(plan.enforce.map(|at| StageStart::new(Phase::Enforce, at, RefusedShare::ALL)));
    starts
}

fn check_order(plan: &RolloutPlan) -> Result<(), PlanError> {
    if matches!(&plan.ramp, Some(RampPlan::Steps(steps)) if steps.is_empty()) {
        return Err(PlanError::Steps);
    }
    for pair in stage_starts(plan).windows(2) {
        let [earlier, later] = pair else { continue };
        // The dates within one phase have rules of their own.
        if earlier.planned == later.planned {
            continue;
        }
        // A phase may begin at the moment at which the one before it ends.
        if later.from < earlier.from {
            return Err(PlanError::Order(earlier.planned, later.planned));
        }
    }
    Ok(())
}

fn check_windows(plan: &RolloutPlan) -> Result<(), PlanError> {
    let windows = &plan.brownout;
    let is_backwards = windows.iter().any(|(from, to)| from >= to);
    // Windows may touch, as phases may.
    let overlaps = windows.windows(2).any(|pair| pair[0].1 > pair[1].0);
    if is_backwards || overlaps { Err(PlanError::Windows) } else { Ok(()) }
}

fn check_ramp(plan: &RolloutPlan) -> Result<(), PlanError> {
    match (&plan.ramp, plan.enforce) {
        (Some(RampPlan::Linear(from)), Some(enforce)) if enforce > *from => Ok(()),
        (Some(RampPlan::Linear(_)), _) => Err(PlanError::Endless),
        (Some(RampPlan::Steps(steps)), _) => {
            // A share that falls would let refused callers in again.
            if steps.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1) {
                Ok(())
            } else {
                Err(PlanError::Steps)
            }
        }
        (None, _) if stage_starts(plan).is_empty() => Err(PlanError::Empty),
        (None, _) => Ok(()),
    }
}

fn calendar_of(plan: &RolloutPlan) -> Vec<RolloutStage> {
    let starts = stage_starts(plan);
    let mut stages = Vec::with_capacity(starts.len());
    for (index, start) in starts.iter().enumerate() {
        let StageStart { phase, from, share, .. } = *start;
        let to = starts.get(index + 1).map(|next| next.from);
        // A stage that the next one begins with would last no time at all.
        if to == Some(from) {
            continue;
        }
        let is_linear = phase == Phase::Ramp && matches!(plan.ramp, Some(RampPlan::Linear(_)));
        let final_share = if is_linear { RefusedShare::ALL } else { share };
        stages.push(RolloutStage { phase, from, to, share, final_share });
    }
    stages
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(earlier, later) => write!(f, "{later} begins before {earlier} is over"),
            Self::Windows => f.write_str(
                "the windows of a brownout must follow each other and each must last some time",
            ),
            Self::Endless => f.write_str(
                "a ramp that begins at a date grows until enforce, which must come after it",
            ),
            Self::Steps => f.write_str(
                "the steps of a ramp must follow each other and their shares must never fall",
            ),
            Self::Empty => f.write_str("the rollout has no phase"),
        }
    }
}

impl std::error::Error for PlanError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::identity::bucket;
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap_or_default()
    }

    fn whole() -> Result<Rollout, PlanError> {
        Rollout::new(RolloutPlan {
            observe: Some(at(100)),
            warn: Some(at(200)),
            brownout: vec![(at(300), at(310)), (at(400), at(420))],
            ramp: Some(RampPlan::Linear(at(1_000))),
            enforce: Some(at(2_000)),
        })
    }

    #[test]
    fn every_edge() -> Result<(), PlanError> {
        let rollout = whole()?;
        for (second, phase, points) in [
            (99, Phase::Off, 0),
            (100, Phase::Observe, 0),
            (199, Phase::Observe, 0),
            (200, Phase::Warn, 0),
            (300, Phase::Brownout, 10_000),
            (309, Phase::Brownout, 10_000),
            (310, Phase::Warn, 0),
            (419, Phase::Brownout, 10_000),
            (420, Phase::Warn, 0),
            (1_000, Phase::Ramp, 0),
            (1_001, Phase::Ramp, 10),
            (1_999, Phase::Ramp, 9_990),
            (2_000, Phase::Enforce, 10_000),
            (9_999, Phase::Enforce, 10_000),
        ] {
            let state = rollout.state_at(at(second));
            assert_eq!((state.phase, state.share.basis_points()), (phase, points), "at {second}");
        }
        assert_eq!(rollout.state_at(at(305)).until, Some(at(310)));
        Ok(())
    }

    #[test]
    fn a_stage_knows_when_it_exceeds_a_share() -> Result<(), PlanError> {
        let rollout = whole()?;
        let of = |phase| rollout.stages().iter().find(|stage| stage.phase == phase);
        assert_eq!(of(Phase::Warn).and_then(|stage| stage.exceeds(0.05)), None);
        assert_eq!(of(Phase::Brownout).and_then(|stage| stage.exceeds(0.05)), Some(at(300)));
        assert_eq!(of(Phase::Brownout).and_then(|stage| stage.exceeds(1.0)), None);
        let crossing = of(Phase::Ramp).and_then(|stage| stage.exceeds(0.05));
        assert_eq!(crossing, Some(at(1_051)), "at 1 050 it is 5 %, which is allowed");
        assert_eq!(rollout.state_at(at(1_050)).share.basis_points(), 500);
        Ok(())
    }

    #[test]
    fn plans_that_are_none() {
        let wrong = |plan| Rollout::new(plan).err();
        assert_eq!(wrong(RolloutPlan::default()), Some(PlanError::Empty));
        let plan =
            RolloutPlan { observe: Some(at(2)), warn: Some(at(1)), ..RolloutPlan::default() };
        assert_eq!(wrong(plan), Some(PlanError::Order(Phase::Observe, Phase::Warn)));
        let plan = RolloutPlan {
            brownout: vec![(at(5), at(9))],
            enforce: Some(at(7)),
            ..RolloutPlan::default()
        };
        assert_eq!(wrong(plan), Some(PlanError::Order(Phase::Brownout, Phase::Enforce)));
        let plan = RolloutPlan { ramp: Some(RampPlan::Linear(at(5))), ..RolloutPlan::default() };
        assert_eq!(wrong(plan), Some(PlanError::Endless));
        let steps = vec![(at(5), RefusedShare::ALL), (at(6), RefusedShare::NONE)];
        assert_eq!(
            wrong(RolloutPlan { ramp: Some(RampPlan::Steps(steps)), ..RolloutPlan::default() }),
            Some(PlanError::Steps)
        );
        let plan = RolloutPlan {
            brownout: vec![(at(5), at(9)), (at(8), at(10))],
            ..RolloutPlan::default()
        };
        assert_eq!(wrong(plan), Some(PlanError::Windows));
    }

    proptest! {
        #[test]
        fn the_ramp_is_monotonic(earlier in 0..3_000_i64, later in 0..3_000_i64, identity in "\\PC{1,20}") {
            prop_assume!(earlier <= later && earlier >= 420);
            let rollout = whole().map_err(|error| TestCaseError::fail(error.to_string()))?;
            let bucket = bucket("orders-v2", &identity);
            let refused = |second| rollout.state_at(at(second)).share.contains(bucket);
            prop_assert!(!refused(earlier) || refused(later));
        }
    }
}
