//! What people and the breaker impose on rules, over the policy file.
//!
//! 1. A *pin* holds one rule in a phase until it is resumed, undone, or its end has come. A pin of
//!    [`Imposed::Plan`] lets the rule follow the file although everything is paused.
//! 2. `pause --all` holds every rule, those of a later reload too, and puts aside the pins there
//!    were; undoing it brings them back.
//! 3. A *trip* is the breaker's: `warn` until a person resumes the rule, or sets it to `enforce`
//!    knowingly.
//! 4. What holds for a rule is its pin, else its trip, else the pause of all, else the file.
//! 5. A rule is *stopped* by a pause or a trip. What it refused just before is kept ([`Stop`]):
//!    that is what a resume is held against. A second pause is no new stop; a pause of a rule that
//!    tripped is one.
//! 6. What a change did is taken back key by key ([`Overrides::differing`]), so that changes of
//!    other rules since then stay ([`History`](crate::History)).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use upshift_core::policy::RefusedShare;
use upshift_core::{Phase, policy};

/// What is imposed on a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Imposed {
    /// The file's plan.
    Plan,
    /// Admits, and counts nothing.
    Off,
    /// Admits, and counts.
    Observe,
    /// Warns.
    Warn,
    /// Refuses.
    Enforce,
    /// Warns, refuses nobody, and says that it is paused.
    Paused,
}

impl Imposed {
    /// Reads a phase that a person may set: `off`, `observe`, `warn`, `enforce`, `paused`.
    ///
    /// The others need dates, which only the file has.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "off" => Self::Off,
            "observe" => Self::Observe,
            "warn" => Self::Warn,
            "enforce" => Self::Enforce,
            "paused" => Self::Paused,
            _ => return None,
        })
    }

    /// The phase; none where the file's plan decides.
    pub fn phase(self) -> Option<Phase> {
        Some(match self {
            Self::Plan => return None,
            Self::Off => Phase::Off,
            Self::Observe => Phase::Observe,
            Self::Warn => Phase::Warn,
            Self::Enforce => Phase::Enforce,
            Self::Paused => Phase::Paused,
        })
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Off => "off",
            Self::Observe => "observe",
            Self::Warn => "warn",
            Self::Enforce => "enforce",
            Self::Paused => "paused",
        }
    }
}

/// Something imposed, by whom and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// What.
    pub imposed: Imposed,
    /// Since when.
    #[serde(with = "crate::store::instant")]
    pub at: Timestamp,
    /// Until when; without it, until somebody changes it.
    #[serde(
        with = "crate::store::instant_or_none",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub until: Option<Timestamp>,
    /// Who: a person's name, or `breaker`.
    pub actor: String,
    /// Why.
    pub reason: String,
}

impl Override {
    fn lapsed(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// The shares of callers that are refused, by the ids of the rules.
pub type Shares = BTreeMap<String, RefusedShare>;

/// The moment at which a rule was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// When.
    #[serde(with = "crate::store::instant")]
    pub at: Timestamp,
    /// The share that it refused until then, in basis points.
    points: u16,
}

impl Stop {
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

/// A change that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Hold a rule, or all of them, where nobody is refused.
    Pause(Target),
    /// Let a rule, or all of them, follow the file again; this also resets the breaker.
    Resume(Target),
    /// Hold a rule in a phase, for ever or until then.
    Set {
        /// The rule's id.
        rule: String,
        /// The phase.
        imposed: Imposed,
        /// When the file holds again.
        until: Option<Timestamp>,
    },
    /// Take back a change of a person: the one with this id, or the latest that still stands.
    Undo(Option<String>),
    /// The breaker demotes a rule.
    Trip {
        /// The rule's id.
        rule: String,
    },
}

/// One rule or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every rule, those to come too.
    All,
    /// The rule of this id.
    Rule(String),
}

impl Change {
    /// The verb.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::Set { .. } => "set",
            Self::Undo(_) => "undo",
            Self::Trip { .. } => "trip",
        }
    }

    /// The rule it names, `None` where it is about all of them.
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Pause(Target::Rule(rule)) | Self::Resume(Target::Rule(rule)) => Some(rule),
            Self::Set { rule, .. } | Self::Trip { rule } => Some(rule),
            Self::Pause(Target::All) | Self::Resume(Target::All) | Self::Undo(_) => None,
        }
    }
}

/// All that is imposed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overrides {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    all: Option<Override>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pins: BTreeMap<String, Override>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    trips: BTreeMap<String, Override>,
    /// The latest stop of each rule; meaningless for a rule that is not stopped.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    stops: BTreeMap<String, Stop>,
}

impl Overrides {
    /// What holds for `rule` at `now`, over the file; `None` where the file does.
    pub fn of(&self, rule: &str, now: Timestamp) -> Option<&Override> {
        let pin = self.pins.get(rule).filter(|pin| !pin.lapsed(now));
        let holds = pin.or_else(|| self.trips.get(rule)).or(self.all.as_ref())?;
        (holds.imposed != Imposed::Plan).then_some(holds)
    }

    /// The moment at which `rule`, which is paused or tripped at `now`, was stopped; `None` if it
    /// is neither.
    pub fn stop_of(&self, rule: &str, now: Timestamp) -> Option<Stop> {
        self.stopped(rule, now)?;
        let held = self.of(rule, now)?;
        // A rule that came while all were paused has never refused a caller.
        Some(self.stops.get(rule).copied().unwrap_or(Stop { at: held.at, points: 0 }))
    }

    fn stopped(&self, rule: &str, now: Timestamp) -> Option<Stopped> {
        let held = self.of(rule, now)?;
        if self.trips.get(rule) == Some(held) {
            return Some(Stopped::Tripped);
        }
        (held.imposed == Imposed::Paused).then_some(Stopped::Paused)
    }

    /// Notes which rules a change at `at` has stopped. `before` held until then, and refused
    /// `shares`.
    pub(crate) fn note_stops(&mut self, before: &Self, shares: &Shares, at: Timestamp) {
        for (rule, share) in shares {
            let Some(stopped) = self.stopped(rule, at) else { continue };
            let stands = match before.stopped(rule, at) {
                Some(Stopped::Paused) => true,
                earlier => earlier == Some(stopped),
            };
            if !stands {
                self.stops.insert(rule.clone(), Stop { at, points: share.basis_points() });
            }
        }
        let Self { all, pins, trips, stops } = self;
        stops
            .retain(|rule, _| all.is_some() || pins.contains_key(rule) || trips.contains_key(rule));
    }

    /// What holds at `now`, as a policy takes it ([`upshift_core::Policy::with`]), for the rules of
    /// these ids.
    ///
    /// To be asked again when the rules change, and at [`Overrides::next_lapse`].
    pub fn resolve<'a>(
        &self,
        rules: impl IntoIterator<Item = &'a str>,
        now: Timestamp,
    ) -> policy::Overrides {
        let of = |rule: &'a str| Some((rule.to_owned(), self.resolve_one(rule, now)?));
        policy::Overrides { all: None, rules: rules.into_iter().filter_map(of).collect() }
    }

    fn resolve_one(&self, rule: &str, now: Timestamp) -> Option<policy::Override> {
        let holds = self.of(rule, now)?;
        let under = self.trips.contains_key(rule) || self.all.is_some();
        let by = match (self.trips.get(rule), holds.actor.as_str()) {
            (Some(trip), _) if trip == holds => policy::Actor::Breaker,
            (_, person) => policy::Actor::Person(person.to_owned()),
        };
        // Where something else lies under it, its end is for the one who resolves: the policy alone
        // would fall back to the file.
        let until = holds.until.filter(|_| !under);
        Some(policy::Override {
            phase: holds.imposed.phase()?,
            until,
            by,
            reason: holds.reason.clone(),
        })
    }

    /// The rules that the breaker demoted and that no person has resumed since.
    pub fn tripped(&self) -> impl Iterator<Item = &str> {
        self.trips.keys().map(String::as_str)
    }

    /// The next moment that a pin ends by itself.
    pub fn next_lapse(&self, now: Timestamp) -> Option<Timestamp> {
        self.pins.values().filter_map(|pin| pin.until).filter(|until| *until > now).min()
    }

    /// Tells whether the file alone holds.
    pub fn is_empty(&self) -> bool {
        self.all.is_none() && self.pins.is_empty() && self.trips.is_empty()
    }

    /// Applies `change`. [`Change::Undo`] is for [`History`](crate::History), which knows the past.
    pub(crate) fn apply(&mut self, change: &Change, at: Timestamp, actor: &str, reason: &str) {
        let imposed = |imposed, until| Override {
            imposed,
            at,
            until,
            actor: actor.into(),
            reason: reason.into(),
        };
        match change {
            Change::Pause(Target::All) => {
                self.pins.clear();
                self.all = Some(imposed(Imposed::Paused, None));
            }
            Change::Pause(Target::Rule(rule)) => {
                self.pins.insert(rule.clone(), imposed(Imposed::Paused, None));
            }
            Change::Resume(Target::All) => *self = Self::default(),
            Change::Resume(Target::Rule(rule)) => {
                self.pins.remove(rule);
                self.trips.remove(rule);
                if self.all.is_some() {
                    self.pins.insert(rule.clone(), imposed(Imposed::Plan, None));
                }
            }
            Change::Set { rule, imposed: phase, until } => {
                if *phase == Imposed::Enforce {
                    self.trips.remove(rule);
                }
                self.pins.insert(rule.clone(), imposed(*phase, *until));
            }
            Change::Trip { rule } => {
                // A pin to `enforce` would beat the trip, and the breaker would have demoted
                // nothing.
                self.pins.remove(rule);
                self.trips.insert(rule.clone(), imposed(Imposed::Warn, None));
            }
            Change::Undo(_) => {}
        }
    }

    /// The keys under which `self` and `other` hold something else.
    pub(crate) fn differing(&self, other: &Self) -> Vec<Key> {
        let mut keys = vec![Key::All];
        let pins = self.pins.keys().chain(other.pins.keys());
        keys.extend(pins.map(|rule| Key::Pin(rule.clone())));
        let trips = self.trips.keys().chain(other.trips.keys());
        keys.extend(trips.map(|rule| Key::Trip(rule.clone())));
        keys.sort();
        keys.dedup();
        keys.retain(|key| self.get(key) != other.get(key));
        keys
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Override> {
        match key {
            Key::All => self.all.as_ref(),
            Key::Pin(rule) => self.pins.get(rule),
            Key::Trip(rule) => self.trips.get(rule),
        }
    }

    pub(crate) fn put(&mut self, key: &Key, held: Option<Override>) {
        let (map, rule) = match key {
            Key::All => {
                self.all = held;
                return;
            }
            Key::Pin(rule) => (&mut self.pins, rule),
            Key::Trip(rule) => (&mut self.trips, rule),
        };
        match held {
            Some(held) => map.insert(rule.clone(), held),
            None => map.remove(rule),
        };
    }
}

/// A place where something may be imposed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// Every rule.
    All,
    /// A rule, by a person.
    Pin(String),
    /// A rule, by the breaker.
    Trip(String),
}
