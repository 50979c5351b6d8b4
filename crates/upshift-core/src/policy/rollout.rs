//! Phases in time, and who is in a ramp.
//!
//! 1. Intervals are `[from, to)`; the phase is the latest one begun, `off` before the first.
//! 2. Outside its windows a brownout is `warn`.
//! 3. A ramp refuses an identity whose bucket is below the share; the share never falls, so that
//!    nobody who was let go is caught and let go again.
//! 4. All of it comes from `now` and the policy, so that replicas agree without talking.

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Where a rule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Not begun: admits, and counts nothing.
    Off,
    /// Admits, and counts who would be refused.
    Observe,
    /// Admits, and tells who would be refused.
    Warn,
    /// Refuses for a while, then warns again.
    Brownout,
    /// Refuses a share of the callers, warns the others.
    Ramp,
    /// Refuses.
    Enforce,
    /// Stopped by a person: warns and refuses nobody.
    Paused,
}

impl Phase {
    /// Every phase, in the order of a rollout.
    pub const ALL: [Self; 7] = [
        Self::Off,
        Self::Observe,
        Self::Warn,
        Self::Brownout,
        Self::Ramp,
        Self::Enforce,
        Self::Paused,
    ];

    /// The phases that `phase = …` in the policy file can pin a rule to. A ramp is not one of them,
    /// because its share comes from the dates of `rollout.ramp`.
    pub const PINNABLE: [Self; 6] =
        [Self::Off, Self::Observe, Self::Warn, Self::Brownout, Self::Enforce, Self::Paused];

    /// The phases that a person can set while the gateway runs. A brownout and a ramp need dates,
    /// which only the policy file has.
    pub const SETTABLE: [Self; 5] =
        [Self::Off, Self::Observe, Self::Warn, Self::Enforce, Self::Paused];

    /// The name in the policy file, on the command line and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Observe => "observe",
            Self::Warn => "warn",
            Self::Brownout => "brownout",
            Self::Ramp => "ramp",
            Self::Enforce => "enforce",
            Self::Paused => "paused",
        }
    }

    /// Reads a phase's name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == text)
    }

    /// Returns true if a rule in this phase refuses requests, all of them or some.
    pub fn refuses(self) -> bool {
        matches!(self, Self::Brownout | Self::Ramp | Self::Enforce)
    }

    /// Returns true if a rule in this phase refuses only for a while or only a share of the
    /// callers: the phases that prepare for `enforce`.
    pub fn refuses_in_part(self) -> bool {
        matches!(self, Self::Brownout | Self::Ramp)
    }

    /// The share that is refused while a rule is pinned to this phase.
    pub fn pinned_share(self) -> RefusedShare {
        match self {
            Self::Brownout | Self::Enforce => RefusedShare::ALL,
            // A ramp cannot be pinned: without its dates it refuses nobody.
            Self::Off | Self::Observe | Self::Warn | Self::Ramp | Self::Paused => {
                RefusedShare::NONE
            }
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A share of identities in basis points: 0 to 10 000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RefusedShare(u16);

impl RefusedShare {
    /// Nobody.
    pub const NONE: Self = Self(0);
    /// Everybody.
    pub const ALL: Self = Self(10_000);

    /// From basis points, at most 10 000.
    pub fn from_basis_points(points: u64) -> Self {
        Self(u16::try_from(points.min(10_000)).unwrap_or(10_000))
    }

    /// From a fraction; `None` outside of 0 to 1.
    pub fn from_fraction(fraction: f64) -> Option<Self> {
        (0.0..=1.0).contains(&fraction).then(|| Self((fraction * 10_000.0).round() as u16))
    }

    /// In basis points.
    pub fn basis_points(self) -> u16 {
        self.0
    }

    /// As a fraction, 0 to 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }

    /// Whether the bucket lies in it.
    pub fn contains(self, bucket: u16) -> bool {
        bucket < self.0
    }
}

/// The bucket of an identity under a rule, 0 to 9 999: the first 8 bytes of SHA-256(rule ‖ 0x00 ‖
/// identity), big-endian, modulo 10 000. The rule is hashed in so that the same callers are not
/// always the first. Outer spaces and tabs are no part of an identity. Vectors: `conformance/ramp`.
pub fn bucket(rule: &str, identity: &str) -> u16 {
    let hash = Sha256::new()
        .chain_update(rule)
        .chain_update([0])
        .chain_update(trimmed(identity))
        .finalize();
    let head = hash.iter().take(8).fold(0_u64, |head, byte| head << 8 | u64::from(*byte));
    (head % 10_000) as u16
}

/// A field's value without its outer white space (RFC 9110 §5.6.3: spaces and tabs, nothing else).
pub(super) fn trimmed(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

/// What is planned, as it is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RolloutPlan {
    /// From when callers are counted.
    pub observe: Option<Timestamp>,
    /// From when they are told.
    pub warn: Option<Timestamp>,
    /// Windows `[from, to)` of refusal.
    pub brownout: Vec<(Timestamp, Timestamp)>,
    /// From when a growing share is refused.
    pub ramp: Option<RampPlan>,
    /// From when everybody is.
    pub enforce: Option<Timestamp>,
}

/// How a ramp grows.
#[derive(Clone, Debug, PartialEq)]
pub enum RampPlan {
    /// From nobody at this time to everybody at `enforce`.
    Linear(Timestamp),
    /// To these shares at these times.
    Steps(Vec<(Timestamp, RefusedShare)>),
}

/// Why a [`RolloutPlan`] is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// A later phase begins before an earlier one: the one, then the other.
    Order(Phase, Phase),
    /// A brownout's window ends before it begins, or runs into the next.
    Windows,
    /// A linear ramp has no `enforce` to end at.
    Endless,
    /// The steps of a ramp are not in order, or the share falls; or there are none.
    Steps,
    /// There is no phase in it at all.
    Empty,
}

/// A valid plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    plan: RolloutPlan,
    stages: Vec<RolloutStage>,
}

/// A stretch of a rollout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RolloutStage {
    /// Its phase.
    pub phase: Phase,
    /// When it begins.
    pub from: Timestamp,
    /// When the next begins; `None` if it is the last.
    pub to: Option<Timestamp>,
    /// The share that is refused when it begins.
    pub share: RefusedShare,
    /// The share just before it ends: greater in a linear ramp only.
    pub final_share: RefusedShare,
}

/// Where a rule stands at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RolloutState {
    /// Its phase.
    pub phase: Phase,
    /// The share that is refused.
    pub share: RefusedShare,
    /// When the phase or the window ends, if it does.
    pub until: Option<Timestamp>,
}

impl Rollout {
    /// From a plan.
    ///
    /// # Errors
    /// If its phases are not in order or could not be followed.
    pub fn new(plan: RolloutPlan) -> Result<Self, PlanError> {
        check(&plan)?;
        let stages = stages(&plan);
        Ok(Self { plan, stages })
    }

    /// What was planned.
    pub fn plan(&self) -> &RolloutPlan {
        &self.plan
    }

    /// The calendar: stretches in order, without gaps.
    pub fn stages(&self) -> &[RolloutStage] {
        &self.stages
    }

    /// Where the rule stands at `now`.
    pub fn at(&self, now: Timestamp) -> RolloutState {
        let begun = self.stages.partition_point(|stage| stage.from <= now);
        match begun.checked_sub(1).map(|last| self.stages[last]) {
            Some(stage) => {
                RolloutState { phase: stage.phase, share: stage.share_at(now), until: stage.to }
            }
            None => RolloutState {
                phase: Phase::Off,
                share: RefusedShare::NONE,
                until: self.stages.first().map(|stage| stage.from),
            },
        }
    }
}

impl RolloutStage {
    /// The first moment at which it refuses a greater share than `limit` (a fraction), if it ever
    /// does.
    pub fn exceeds(&self, limit: f64) -> Option<Timestamp> {
        if self.share.fraction() > limit {
            return Some(self.from);
        }
        let to = self.to.filter(|_| self.final_share.fraction() > limit)?;
        let length = to.as_second() - self.from.as_second();
        // The least share above the limit, and the first whole second at which a linear ramp has
        // it.
        let points = (limit * 10_000.0).floor() as i64 + 1;
        let seconds = (points * length + 9_999) / 10_000;
        self.from.checked_add(jiff::SignedDuration::from_secs(seconds)).ok()
    }

    /// The share refused at `now`: floor(10 000 · (now − from) / (to − from)) in whole seconds for
    /// a linear ramp.
    fn share_at(&self, now: Timestamp) -> RefusedShare {
        let Some(to) = self.to.filter(|_| self.final_share > self.share) else { return self.share };
        let length = (to.as_second() - self.from.as_second()).max(1);
        let passed = (now.as_second() - self.from.as_second()).clamp(0, length);
        RefusedShare::from_basis_points(passed.unsigned_abs() * 10_000 / length.unsigned_abs())
    }
}

fn check(plan: &RolloutPlan) -> Result<(), PlanError> {
    let ramp = match &plan.ramp {
        Some(RampPlan::Linear(from)) => Some(*from),
        Some(RampPlan::Steps(steps)) => Some(steps.first().ok_or(PlanError::Steps)?.0),
        None => None,
    };
    let windows = &plan.brownout;
    let starts = [
        (Phase::Observe, plan.observe, plan.observe),
        (Phase::Warn, plan.warn, plan.warn),
        (
            Phase::Brownout,
            windows.first().map(|window| window.0),
            windows.last().map(|window| window.1),
        ),
        (Phase::Ramp, ramp, last_step(plan).or(ramp)),
        (Phase::Enforce, plan.enforce, plan.enforce),
    ];
    let mut before: Option<(Phase, Timestamp)> = None;
    for (phase, from, to) in starts {
        if let (Some((earlier, end)), Some(from)) = (before, from)
            && from < end
        {
            return Err(PlanError::Order(earlier, phase));
        }
        before = to.map(|to| (phase, to)).or(before);
    }
    if windows.iter().any(|(from, to)| from >= to)
        || windows.windows(2).any(|pair| pair[0].1 > pair[1].0)
    {
        return Err(PlanError::Windows);
    }
    match &plan.ramp {
        Some(RampPlan::Linear(from)) if plan.enforce.is_none_or(|enforce| enforce <= *from) => {
            Err(PlanError::Endless)
        }
        Some(RampPlan::Steps(steps))
            if steps.windows(2).any(|pair| pair[0].0 >= pair[1].0 || pair[0].1 > pair[1].1) =>
        {
            Err(PlanError::Steps)
        }
        _ if before.is_none() => Err(PlanError::Empty),
        _ => Ok(()),
    }
}

fn last_step(plan: &RolloutPlan) -> Option<Timestamp> {
    match &plan.ramp {
        Some(RampPlan::Steps(steps)) => steps.last().map(|step| step.0),
        _ => None,
    }
}

fn stages(plan: &RolloutPlan) -> Vec<RolloutStage> {
    let mut starts: Vec<(Phase, Timestamp, RefusedShare)> = Vec::new();
    starts.extend(plan.observe.map(|at| (Phase::Observe, at, RefusedShare::NONE)));
    starts.extend(plan.warn.map(|at| (Phase::Warn, at, RefusedShare::NONE)));
    for &(from, to) in &plan.brownout {
        starts.push((Phase::Brownout, from, RefusedShare::ALL));
        starts.push((Phase::Warn, to, RefusedShare::NONE));
    }
    match &plan.ramp {
        Some(RampPlan::Linear(from)) => starts.push((Phase::Ramp, *from, RefusedShare::NONE)),
        Some(RampPlan::Steps(steps)) => {
            starts.extend(steps.iter().map(|&(at, share)| (Phase::Ramp, at, share)));
        }
        None => {}
    }
    starts.extend(plan.enforce.map(|at| (Phase::Enforce, at, RefusedShare::ALL)));
    let linear = matches!(plan.ramp, Some(RampPlan::Linear(_)));
    let ends: Vec<_> = starts.iter().skip(1).map(|start| Some(start.1)).chain([None]).collect();
    let stage = |((phase, from, share), to)| {
        let final_share = if phase == Phase::Ramp && linear { RefusedShare::ALL } else { share };
        RolloutStage { phase, from, to, share, final_share }
    };
    let lasting = |stage: &RolloutStage| stage.to != Some(stage.from);
    starts.into_iter().zip(ends).map(stage).filter(lasting).collect()
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(earlier, later) => write!(f, "{later} begins before {earlier} is over"),
            Self::Windows => {
                f.write_str("the windows of a brownout follow each other and each lasts a while")
            }
            Self::Endless => f.write_str(
                "a ramp that begins at a date grows until enforce, which has to come after it",
            ),
            Self::Steps => {
                f.write_str("the steps of a ramp follow each other and their shares never fall")
            }
            Self::Empty => f.write_str("the rollout has no phase"),
        }
    }
}

impl std::error::Error for PlanError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
            let moment = rollout.at(at(second));
            assert_eq!((moment.phase, moment.share.basis_points()), (phase, points), "at {second}");
        }
        assert_eq!(rollout.at(at(305)).until, Some(at(310)));
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
        assert_eq!(rollout.at(at(1_050)).share.basis_points(), 500);
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
            let refused = |second| rollout.at(at(second)).share.contains(bucket);
            prop_assert!(!refused(earlier) || refused(later));
        }
    }
}
