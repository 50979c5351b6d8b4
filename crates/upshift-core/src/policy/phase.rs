//! The phases of a rollout and what is true of each, and the share of identities that a rule
//! refuses.

use std::fmt;

/// The state of a rule: how strictly it is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Not begun: admits, and counts nothing.
    Off,
    /// Admits, and counts the requests that would be refused.
    Observe,
    /// Admits, and announces the refusal to the requests that would be refused.
    Warn,
    /// Refuses for a while, then warns again.
    Brownout,
    /// Refuses a share of the callers, and warns the others.
    Ramp,
    /// Refuses.
    Enforce,
    /// Stopped by a person: warns, and refuses nothing.
    Paused,
}

/// The effect of a phase on requests that do not meet the rule, the milder one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PhaseEffect {
    /// Admits, and counts nothing.
    Ignore,
    /// Admits, and counts.
    Count,
    /// Admits, counts, and announces the refusal.
    Warn,
    /// Refuses a share of the callers, and warns the others.
    RefuseShare,
    /// Refuses.
    Refuse,
}

/// A phase that a person can set while the gateway runs. A brownout and a ramp need dates, which
/// only the policy file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettablePhase(Phase);

// A phase that is left out of `ALL` fails the build, unless it stands after `Paused`.
const _: () = assert!(Phase::ALL.len() == Phase::Paused as usize + 1, "ALL lacks a phase");

/// A share of identities in basis points: 0 to 10 000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RefusedShare(u16);

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

    /// The phases that `rollout` in the policy file has dates for, in the order of those dates.
    pub const PLANNED: [Self; 5] =
        [Self::Observe, Self::Warn, Self::Brownout, Self::Ramp, Self::Enforce];

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

    /// The description in the JSON Schema of the policy file.
    pub fn description(self) -> &'static str {
        match self {
            Self::Off => "Nothing happens.",
            Self::Observe => "Requests are only evaluated and counted.",
            Self::Warn => "Requests that would be refused are admitted, with a warning.",
            Self::Brownout => "As `enforce`, but reported as a brownout.",
            Self::Ramp => "A growing share of the callers is refused, and the others are warned.",
            Self::Enforce => "Requests that do not meet the requirement are refused.",
            Self::Paused => "Warns and refuses no request, over the rollout.",
        }
    }

    /// The effect on requests that do not meet the rule.
    pub fn effect(self) -> PhaseEffect {
        match self {
            Self::Off => PhaseEffect::Ignore,
            Self::Observe => PhaseEffect::Count,
            Self::Warn | Self::Paused => PhaseEffect::Warn,
            Self::Ramp => PhaseEffect::RefuseShare,
            Self::Brownout | Self::Enforce => PhaseEffect::Refuse,
        }
    }

    /// Returns true if the phase refuses until the end of a window, and a retry after it succeeds.
    pub fn is_window(self) -> bool {
        match self {
            Self::Brownout => true,
            // A stage of a ramp ends as well, but the next one refuses a greater share.
            Self::Off | Self::Observe | Self::Warn | Self::Ramp | Self::Enforce | Self::Paused => {
                false
            }
        }
    }

    /// The end of a sentence on a request that does not meet the rule, for the operator.
    pub(crate) fn sentence_end(self) -> &'static str {
        match self {
            Self::Off => ", but its rollout has not begun",
            Self::Observe => "; the rule only observes",
            Self::Warn => "; the rule only warns",
            Self::Brownout => ", and a brownout is on",
            Self::Ramp | Self::Enforce => "",
            Self::Paused => ", but the rule is paused",
        }
    }

    /// Returns true if a rule in this phase refuses requests, all of them or some.
    pub fn refuses(self) -> bool {
        self.effect() >= PhaseEffect::RefuseShare
    }

    /// Returns true if a rule in this phase refuses only for a while or only a share of the
    /// callers: the phases that prepare for `enforce`.
    pub fn refuses_in_part(self) -> bool {
        self.effect() == PhaseEffect::RefuseShare || self.is_window()
    }

    /// The share that is refused while a rule is pinned to this phase.
    pub fn pinned_share(self) -> RefusedShare {
        match self.effect() {
            PhaseEffect::Refuse => RefusedShare::ALL,
            // A ramp cannot be pinned: without its dates it refuses nobody.
            PhaseEffect::Ignore
            | PhaseEffect::Count
            | PhaseEffect::Warn
            | PhaseEffect::RefuseShare => RefusedShare::NONE,
        }
    }
}

impl SettablePhase {
    /// [`Phase::Off`].
    pub const OFF: Self = Self(Phase::Off);
    /// [`Phase::Observe`].
    pub const OBSERVE: Self = Self(Phase::Observe);
    /// [`Phase::Warn`].
    pub const WARN: Self = Self(Phase::Warn);
    /// [`Phase::Enforce`].
    pub const ENFORCE: Self = Self(Phase::Enforce);
    /// [`Phase::Paused`].
    pub const PAUSED: Self = Self(Phase::Paused);

    /// Every such phase.
    pub const ALL: [Self; 5] = [Self::OFF, Self::OBSERVE, Self::WARN, Self::ENFORCE, Self::PAUSED];

    /// Reads the name of such a phase.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == text)
    }

    /// The phase.
    pub fn phase(self) -> Phase {
        self.0
    }

    /// The name of the phase.
    pub const fn as_str(self) -> &'static str {
        self.0.as_str()
    }

    /// The names of all such phases, for messages: `a, b or c`.
    pub fn all_names() -> String {
        let [others @ .., last] = Self::ALL.map(Self::as_str);
        format!("{} or {last}", others.join(", "))
    }
}

impl RefusedShare {
    /// No identity.
    pub const NONE: Self = Self(0);
    /// Every identity.
    pub const ALL: Self = Self(10_000);

    /// From basis points; more than 10 000 count as 10 000.
    pub fn from_basis_points(points: u64) -> Self {
        match u16::try_from(points) {
            Ok(points) => Self(points.min(Self::ALL.0)),
            Err(_) => Self::ALL,
        }
    }

    /// From a fraction; `None` outside of 0 to 1.
    pub fn from_fraction(fraction: f64) -> Option<Self> {
        if !(0.0..=1.0).contains(&fraction) {
            return None;
        }
        // At most 10,000 after the check above, so the cast loses nothing.
        Some(Self((fraction * 10_000.0).round() as u16))
    }

    /// The share in basis points.
    pub fn basis_points(self) -> u16 {
        self.0
    }

    /// The share as a fraction, 0 to 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }

    /// Returns true if the bucket is below the share.
    pub fn contains(self, bucket: u16) -> bool {
        bucket < self.0
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
