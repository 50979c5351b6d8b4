//! Overrides: the phases that people and the breaker impose on rules, on top of the policy file.
//!
//! 1. A *pin* holds one rule in a phase until it is resumed or undone, or the pin expires. A pin to
//!    [`Imposed::Plan`] lets the rule follow the file even if all rules are paused.
//! 2. `pause --all` holds every rule, including those of later reloads, and removes all pins;
//!    undoing it brings them back.
//! 3. A *trip* is the breaker's override: `warn` until a person resumes the rule or sets it to
//!    `enforce`.
//! 4. A rule follows its pin, else its trip, else the pause of all rules, else the file.
//! 5. A rule is *stopped* by a pause or a trip. The share that it refused just before is kept
//!    ([`RuleStop`]), to compare it with the share after a resume. A second pause is not a new
//!    stop, but a pause of a tripped rule is one.
//! 6. A change is undone slot by slot ([`RolloutOverrides::differing_slots`]), so that later
//!    changes of other rules stay ([`History`](crate::History)).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use upshift_core::policy::{RefusedShare, SettablePhase};
use upshift_core::{Phase, policy};

/// The phase that is imposed on a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Imposed {
    /// The file's plan.
    Plan,
    /// A phase.
    Phase(SettablePhase),
}

impl Imposed {
    /// Warns, refuses no request, and is reported as paused.
    pub const PAUSED: Self = Self::Phase(SettablePhase::PAUSED);
    /// Warns.
    pub const WARN: Self = Self::Phase(SettablePhase::WARN);

    /// Parses a phase that a person may set.
    ///
    /// `plan` is not one: a person lets a rule follow the file with `resume`.
    pub fn parse(text: &str) -> Option<Self> {
        SettablePhase::parse(text).map(Self::Phase)
    }

    /// The phase; none if the file's plan decides.
    pub fn phase(self) -> Option<Phase> {
        match self {
            Self::Plan => None,
            Self::Phase(phase) => Some(phase.phase()),
        }
    }

    /// The name of the phase.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Phase(phase) => phase.as_str(),
        }
    }
}

impl From<Imposed> for String {
    fn from(imposed: Imposed) -> Self {
        imposed.as_str().to_owned()
    }
}

/// Reads a name from the store, including `plan`.
impl TryFrom<String> for Imposed {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if name == Self::Plan.as_str() {
            return Ok(Self::Plan);
        }
        Self::parse(&name).ok_or_else(|| format!("a rule cannot be held in a phase `{name}`"))
    }
}

/// An imposed phase, its author and its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutOverride {
    /// The phase.
    pub imposed: Imposed,
    /// The time of the change.
    #[serde(with = "crate::timestamp_text::instant")]
    pub at: Timestamp,
    /// The end; none: it holds until a later change.
    #[serde(
        with = "crate::timestamp_text::instant_or_none",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub until: Option<Timestamp>,
    /// The name of the person, or `breaker`.
    pub actor: String,
    /// The reason.
    pub reason: String,
}

impl RolloutOverride {
    fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// The shares of callers that are refused, by the ids of the rules.
pub type Shares = BTreeMap<String, RefusedShare>;

/// The moment at which a rule was stopped, and the share that it refused before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleStop {
    /// The moment.
    #[serde(with = "crate::timestamp_text::instant")]
    pub at: Timestamp,
    /// The share that it refused until then, in basis points.
    points: u16,
}

impl RuleStop {
    /// The share that the rule refused until it was stopped.
    pub fn share(self) -> RefusedShare {
        RefusedShare::from_basis_points(self.points.into())
    }
}

/// The ways in which a rule is stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stopped {
    Paused,
    Tripped,
}

/// A change of the overrides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RolloutChange {
    /// Holds a rule, or all of them, in a phase that refuses no request.
    Pause(ChangeTarget),
    /// Lets a rule, or all of them, follow the file again; this also resets the breaker.
    Resume(ChangeTarget),
    /// Holds a rule in a phase, with or without an end.
    Set {
        /// The rule's id.
        rule: String,
        /// The phase.
        imposed: Imposed,
        /// The end, from which on the rule follows the file again.
        until: Option<Timestamp>,
    },
    /// Undoes a change of a person: the one with this id, or the latest that is not undone.
    Undo(Option<String>),
    /// The breaker demotes a rule.
    Trip {
        /// The rule's id.
        rule: String,
    },
}

/// The rules that a change applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeTarget {
    /// Every rule, including those of later reloads.
    All,
    /// The rule with this id.
    Rule(String),
}

impl RolloutChange {
    /// The verb of the change.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::Set { .. } => "set",
            Self::Undo(_) => "undo",
            Self::Trip { .. } => "trip",
        }
    }

    /// The rule that it names; none if it applies to all rules.
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Pause(ChangeTarget::Rule(rule)) | Self::Resume(ChangeTarget::Rule(rule)) => {
                Some(rule)
            }
            Self::Set { rule, .. } | Self::Trip { rule } => Some(rule),
            Self::Pause(ChangeTarget::All) | Self::Resume(ChangeTarget::All) | Self::Undo(_) => {
                None
            }
        }
    }
}

/// All overrides of one gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutOverrides {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    all: Option<RolloutOverride>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pins: BTreeMap<String, RolloutOverride>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    trips: BTreeMap<String, RolloutOverride>,
    /// The latest stop of each rule; meaningless for a rule that is not stopped.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    stops: BTreeMap<String, RuleStop>,
}

impl RolloutOverrides {
    /// The override of `rule` at `now`; none if the rule follows the file.
    pub fn override_of(&self, rule: &str, now: Timestamp) -> Option<&RolloutOverride> {
        let held = match self.pins.get(rule) {
            // An expired pin stays in the map until a later change removes it.
            Some(pin) if !pin.is_over(now) => pin,
            _ => self.trips.get(rule).or(self.all.as_ref())?,
        };
        // The pin only exempts the rule from the pause of all rules.
        if held.imposed == Imposed::Plan { None } else { Some(held) }
    }

    /// The stop of `rule`, if it is paused or tripped at `now`.
    pub fn stop_of(&self, rule: &str, now: Timestamp) -> Option<RuleStop> {
        self.kind_of_stop(rule, now)?;
        let held = self.override_of(rule, now)?;
        // A rule that was added while all were paused has never refused a caller.
        let never_refused = RuleStop { at: held.at, points: 0 };
        Some(self.stops.get(rule).copied().unwrap_or(never_refused))
    }

    fn kind_of_stop(&self, rule: &str, now: Timestamp) -> Option<Stopped> {
        let held = self.override_of(rule, now)?;
        // A pin never equals a trip: its actor is a person.
        if self.trips.get(rule) == Some(held) {
            return Some(Stopped::Tripped);
        }
        if held.imposed == Imposed::PAUSED { Some(Stopped::Paused) } else { None }
    }

    /// Records the rules that a change at `at` has stopped. Until then, `before` was in force, and
    /// the rules refused `shares`.
    pub(crate) fn note_stops(&mut self, before: &Self, shares: &Shares, at: Timestamp) {
        for (rule, share) in shares {
            let Some(stopped) = self.kind_of_stop(rule, at) else { continue };
            let earlier = before.kind_of_stop(rule, at);
            // A rule that was already paused refused nothing, so this is not a new stop.
            let was_stopped = earlier == Some(Stopped::Paused) || earlier == Some(stopped);
            if !was_stopped {
                self.stops.insert(rule.clone(), RuleStop { at, points: share.basis_points() });
            }
        }
        // A rule without an override is not stopped, so a later resume must not be compared with
        // its old share.
        let Self { all, pins, trips, stops } = self;
        stops
            .retain(|rule, _| all.is_some() || pins.contains_key(rule) || trips.contains_key(rule));
    }

    /// The overrides of these rules at `now`, as a policy takes them
    /// ([`upshift_core::Policy::with_overrides`]).
    ///
    /// They change when the rules change, and at [`RolloutOverrides::next_end`].
    pub fn resolve_for<'a>(
        &self,
        rules: impl IntoIterator<Item = &'a str>,
        now: Timestamp,
    ) -> policy::Overrides {
        let mut resolved = policy::Overrides::default();
        for rule in rules {
            // Only for rules of the policy: overrides of removed rules stay, in case they return.
            if let Some(held) = self.resolve_rule(rule, now) {
                resolved.rules.insert(rule.to_owned(), held);
            }
        }
        resolved
    }

    fn resolve_rule(&self, rule: &str, now: Timestamp) -> Option<policy::Override> {
        let held = self.override_of(rule, now)?;
        let has_other_below = self.trips.contains_key(rule) || self.all.is_some();
        let by = if self.trips.get(rule) == Some(held) {
            policy::Actor::Breaker
        } else {
            policy::Actor::Person(held.actor.clone())
        };
        // With another override below it, its end needs a new resolution: the policy alone would
        // fall back to the file.
        let until = if has_other_below { None } else { held.until };
        Some(policy::Override {
            phase: held.imposed.phase()?,
            until,
            by,
            reason: held.reason.clone(),
        })
    }

    /// The rules that the breaker demoted and that no person has resumed since.
    pub fn tripped_rules(&self) -> impl Iterator<Item = &str> {
        self.trips.keys().map(String::as_str)
    }

    /// The next moment at which a pin ends.
    pub fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        let mut next: Option<Timestamp> = None;
        for pin in self.pins.values() {
            if let Some(until) = pin.until
                && until > now
                && next.is_none_or(|earliest| until < earliest)
            {
                next = Some(until);
            }
        }
        next
    }

    /// Returns true if a rule is held differently in `other` at `now`. Authors and reasons are not
    /// compared.
    pub fn holds_otherwise(&self, other: &Self, now: Timestamp) -> bool {
        for slot in self.differing_slots(other) {
            match (self.held_in(&slot, now), other.held_in(&slot, now)) {
                (None, None) => {}
                (Some(own), Some(theirs))
                    if own.imposed == theirs.imposed && own.until == theirs.until => {}
                _ => return true,
            }
        }
        false
    }

    /// The override in `slot`, unless it has expired.
    fn held_in(&self, slot: &OverrideSlot, now: Timestamp) -> Option<&RolloutOverride> {
        let held = self.slot(slot)?;
        if held.is_over(now) { None } else { Some(held) }
    }

    /// Returns true if every rule follows the file.
    pub fn is_empty(&self) -> bool {
        // Stops are not overrides: they only record a share.
        self.all.is_none() && self.pins.is_empty() && self.trips.is_empty()
    }

    /// Applies `change`. [`RolloutChange::Undo`] is for [`History`](crate::History), which knows
    /// the past.
    pub(crate) fn apply_change(
        &mut self,
        change: &RolloutChange,
        at: Timestamp,
        actor: &str,
        reason: &str,
    ) {
        let mut held = RolloutOverride {
            imposed: Imposed::PAUSED,
            at,
            until: None,
            actor: actor.into(),
            reason: reason.into(),
        };
        match change {
            RolloutChange::Pause(ChangeTarget::All) => {
                // A pin to `enforce` would override the pause. An undo restores the pins.
                self.pins.clear();
                self.all = Some(held);
            }
            RolloutChange::Pause(ChangeTarget::Rule(rule)) => {
                self.pins.insert(rule.clone(), held);
            }
            // The trips as well: `resume --all` resets the breaker for every rule.
            RolloutChange::Resume(ChangeTarget::All) => *self = Self::default(),
            RolloutChange::Resume(ChangeTarget::Rule(rule)) => {
                held.imposed = Imposed::Plan;
                self.resume_rule(rule, held);
            }
            RolloutChange::Set { rule, imposed, until } => {
                (held.imposed, held.until) = (*imposed, *until);
                // The person overrides the breaker. With any other phase, the trip stays below the
                // pin.
                if imposed.phase().is_some_and(Phase::refuses) {
                    self.trips.remove(rule);
                }
                self.pins.insert(rule.clone(), held);
            }
            RolloutChange::Trip { rule } => {
                held.imposed = Imposed::WARN;
                // A pin to `enforce` would override the trip, so the demotion would have no effect.
                self.pins.remove(rule);
                self.trips.insert(rule.clone(), held);
            }
            // `History` computes the overrides itself.
            RolloutChange::Undo(_) => {}
        }
    }

    /// Removes the pin and the trip of `rule`. While all rules are paused, only the pin `plan`
    /// lets it follow the file.
    fn resume_rule(&mut self, rule: &str, plan: RolloutOverride) {
        self.pins.remove(rule);
        self.trips.remove(rule);
        if self.all.is_some() {
            self.pins.insert(rule.to_owned(), plan);
        }
    }

    /// The slots in which `self` and `other` differ.
    pub(crate) fn differing_slots(&self, other: &Self) -> Vec<OverrideSlot> {
        // Stops are not slots: an undo does not change the share that was refused before.
        let mut slots = vec![OverrideSlot::All];
        let pins = self.pins.keys().chain(other.pins.keys());
        slots.extend(pins.map(|rule| OverrideSlot::Pin(rule.clone())));
        let trips = self.trips.keys().chain(other.trips.keys());
        slots.extend(trips.map(|rule| OverrideSlot::Trip(rule.clone())));
        slots.sort();
        // A rule is in both maps, unless the change added or removed its override.
        slots.dedup();
        slots.retain(|slot| self.slot(slot) != other.slot(slot));
        slots
    }

    /// The override in `slot`.
    pub(crate) fn slot(&self, slot: &OverrideSlot) -> Option<&RolloutOverride> {
        match slot {
            OverrideSlot::All => self.all.as_ref(),
            OverrideSlot::Pin(rule) => self.pins.get(rule),
            OverrideSlot::Trip(rule) => self.trips.get(rule),
        }
    }

    /// Replaces the override in `slot`.
    pub(crate) fn set_slot(&mut self, slot: &OverrideSlot, held: Option<RolloutOverride>) {
        let (map, rule) = match slot {
            OverrideSlot::All => {
                self.all = held;
                return;
            }
            OverrideSlot::Pin(rule) => (&mut self.pins, rule),
            OverrideSlot::Trip(rule) => (&mut self.trips, rule),
        };
        match held {
            Some(held) => map.insert(rule.clone(), held),
            None => map.remove(rule),
        };
    }
}

/// A place for one override.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OverrideSlot {
    /// Every rule.
    All,
    /// A rule, by a person.
    Pin(String),
    /// A rule, by the breaker.
    Trip(String),
}
