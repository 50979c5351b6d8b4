//! The breaker: it takes a rule back to `warn` before the rule locks out more people than it may.
//!
//! 1. It watches rules with a rollout, from the first moment they can refuse (first brownout, ramp
//!    or enforcement) until seven days after enforcement, or after the first refusal that this
//!    process saw if that is later: a rule may be deployed long after its dates. And it watches
//!    rules that enforce without a rollout, because the file pins them, a person set them, or they
//!    have none, as long as they do. A rule with `breaker = false` is not watched.
//! 2. Within a window that slides it counts the different identities that a rule matched, and those
//!    that it refused, up to a cap for each network ([`Callers`]). One client that polls a thousand
//!    times is one.
//! 3. It trips when the refused are more than `refused_share` of the seen and the seen are at least
//!    `minimum`, also without the network that most of the refused come from. A crossing that one
//!    network alone makes is reported and changes nothing: a single client could make it.
//! 4. A rule that tripped stays at `warn` until a person resets it ([`Breaker::reset`]); it then
//!    begins with an empty window.
//! 5. It is pure: tallies, facts about the calendar and `now` go in, trips come out. Asked four
//!    times a second, it trips within two seconds of the crossing. Only what this process saw
//!    counts: it is per replica.
//! 6. A clock that goes back by more than two seconds empties the windows; no rule trips on times
//!    that contradict each other, and no latch opens.
//!
//! ```
//! use std::net::Ipv4Addr;
//! use upshift_adoption::{Breaker, Caller, Fingerprint, Network, Tally, breaker::{Limits, Watch}};
//! let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
//! let mut breaker = Breaker::default();
//! breaker.watch([Watch { rule: "orders".into(), limits: Limits { minimum: 10, ..Limits::default() }, from: None, to: None }]);
//!
//! let mut tally = Tally::default();
//! for n in 0..20_u8 {
//!     let network = Network::of(Some(Ipv4Addr::new(203, 0, n, 1).into()));
//!     let caller = Caller { identity: Fingerprint::from_bits(n.into()), network };
//!     tally.record("orders", caller, n % 2 == 0, 50);
//! }
//! breaker.merge(now, &tally.take());
//! let crossings = breaker.crossings(now);
//! assert!(crossings[0].trips);
//! assert_eq!((crossings[0].trip.seen, crossings[0].trip.refused), (20, 10));
//! assert!(breaker.crossings(now).is_empty(), "it trips once, and latches");
//! ```

use crate::tally::RuleTally;
use crate::{Accepted, Callers, Fingerprint, Network, Tally, Totals, View};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use upshift_core::Phase;
use upshift_core::policy::{self, Counted, Rule};

/// The time for which a rule is watched after enforcement, or after the first refusal that was
/// seen.
pub const AFTER_ENFORCEMENT: SignedDuration = policy::BreakerLimits::AFTER_ENFORCEMENT;

/// As many of the identities that a trip hit are named in it.
const NAMED: usize = 1_000;

/// A clock may go back by as many seconds before the windows are emptied.
const CLOCK_SLACK: u32 = 2;

/// When it trips: the keys of `[breaker]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The greatest share of the seen identities that may be refused, 0 to 1.
    pub refused_share: f64,
    /// The window, in seconds; at least 1.
    pub window: u32,
    /// So many identities must have been seen in the window before it may trip.
    pub minimum: u64,
    /// Which identities are counted.
    pub counts: Counted,
    /// The most identities of one network that are counted.
    pub per_network: u32,
}

impl Default for Limits {
    /// 5 % of at least 200 identities in a minute, at most 50 of one network.
    fn default() -> Self {
        Self {
            refused_share: 0.05,
            window: 60,
            minimum: 200,
            counts: Counted::Seen,
            per_network: 50,
        }
    }
}

/// One rule to be watched, as policy and calendar tell it.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The rule's id.
    pub rule: Arc<str>,
    /// When it trips.
    pub limits: Limits,
    /// The first moment the rule can refuse; `None` is always.
    pub from: Option<Timestamp>,
    /// The end of the watch: seven days after enforcement; `None` is never. It is put off until
    /// seven days after the first refusal that the breaker sees.
    pub to: Option<Timestamp>,
}

/// A rule crossed its limit. It stays at `warn` from now on.
#[derive(Clone, Debug, PartialEq)]
pub struct Trip {
    /// The rule's id.
    pub rule: Arc<str>,
    /// When this was seen.
    pub at: Timestamp,
    /// Different identities seen in the window.
    pub seen: u64,
    /// Those of them that were refused.
    pub refused: u64,
    /// The network that most of the refused come from, and how many of them.
    pub top: Option<(Network, u64)>,
    /// The limits that were crossed.
    pub limits: Limits,
    /// Who was refused, hashed; at most 1,000 are named.
    pub hit: Vec<Fingerprint>,
}

impl Trip {
    /// The refused share, 0 to 1.
    pub fn share(&self) -> f64 {
        share(self.refused, self.seen)
    }

    /// The share of the refused that come from the top network, 0 to 1.
    pub fn concentration(&self) -> f64 {
        share(self.top.map_or(0, |(_, refused)| refused), self.refused)
    }

    /// In one sentence, for logs, the store and the webhook. It names no network.
    pub fn sentence(&self) -> String {
        format!(
            "{} of {} identities were refused within {} s ({:.1} %, allowed {:.1} %), {:.0} % of them from one network",
            self.refused,
            self.seen,
            self.limits.window,
            self.share() * 100.0,
            self.limits.refused_share * 100.0,
            self.concentration() * 100.0
        )
    }
}

/// A rule crossed its limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossing {
    /// The numbers.
    pub trip: Trip,
    /// True if the rule trips; false if the trip is withheld, because a single network is
    /// responsible.
    pub trips: bool,
}

/// What the breaker knows of one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The rule's id.
    pub rule: Arc<str>,
    /// Whether it tripped and waits for a person.
    pub tripped: bool,
    /// Whether it is being watched now.
    pub watching: bool,
    /// Different identities seen in the window.
    pub seen: u64,
    /// Those of them that were refused.
    pub refused: u64,
    /// The share of the refused that come from the top network, 0 to 1.
    pub concentration: f64,
    /// The network that most of the refused come from.
    pub top_network: Option<Network>,
    /// Crossings since the start that one network alone made.
    pub withheld: u64,
    /// The limits.
    pub limits: Limits,
}

impl Reading {
    /// The refused share, 0 to 1.
    pub fn share(&self) -> f64 {
        share(self.refused, self.seen)
    }
}

/// The breaker of one process, for all its rules.
#[derive(Default)]
pub struct Breaker {
    rules: BTreeMap<Arc<str>, Watched>,
    /// The latest second that anything happened at.
    latest: u32,
}

struct Watched {
    watch: Watch,
    callers: Callers,
    accepted: Accepted,
    tripped: bool,
    /// When a caller was first seen that was refused.
    first_refusal: Option<Timestamp>,
    /// Crossings that one network alone made.
    withheld: u64,
    /// When one of them was last reported.
    reported: Option<u32>,
    /// When callers that left the window were last forgotten.
    swept: u32,
}

impl Breaker {
    /// The rules to watch from now on: after start-up and after each reload. Rules that stay keep
    /// their counts, unless their limits changed, and stay tripped.
    pub fn watch(&mut self, watches: impl IntoIterator<Item = Watch>) {
        let mut before = std::mem::take(&mut self.rules);
        for watch in watches {
            let watched = match before.remove(&watch.rule) {
                Some(old) if old.watch.limits == watch.limits => Watched { watch, ..old },
                Some(old) => Watched {
                    tripped: old.tripped,
                    first_refusal: old.first_refusal,
                    ..Watched::new(watch)
                },
                None => Watched::new(watch),
            };
            self.rules.insert(Arc::clone(&watched.watch.rule), watched);
        }
    }

    /// Adds what a core saw since it was last asked.
    pub fn merge(&mut self, now: Timestamp, tally: &Tally) {
        let second = self.advance(now);
        for (rule, tally) in &tally.rules {
            if let Some(watched) = self.rules.get_mut(rule).filter(|watched| watched.counts(now)) {
                watched.note_refusal(now, tally);
                watched.merge(second, tally);
            }
        }
    }

    /// The rules that crossed their limit since the last call. Those that trip are to be demoted to
    /// `warn`.
    pub fn crossings(&mut self, now: Timestamp) -> Vec<Crossing> {
        let second = self.advance(now);
        self.rules
            .values_mut()
            .filter(|watched| !watched.tripped)
            .filter_map(|w| w.check(now, second))
            .collect()
    }

    /// Latches `rule` without a crossing: the store remembers that it tripped before the restart.
    pub fn latch(&mut self, rule: &str) {
        if let Some(watched) = self.rules.get_mut(rule) {
            watched.tripped = true;
        }
    }

    /// A person lets `rule` follow its plan again: the latch opens, and the window begins empty.
    /// Whether it was tripped.
    pub fn reset(&mut self, rule: &str) -> bool {
        let Some(watched) = self.rules.get_mut(rule) else { return false };
        watched.clear();
        std::mem::take(&mut watched.tripped)
    }

    /// What it knows of every rule it has, in order of their ids.
    pub fn readings(&self, now: Timestamp) -> Vec<Reading> {
        let second = second(now);
        self.rules.values().map(|watched| watched.reading(now, second)).collect()
    }

    fn advance(&mut self, now: Timestamp) -> u32 {
        let second = second(now);
        if second.saturating_add(CLOCK_SLACK) < self.latest {
            self.rules.values_mut().for_each(Watched::clear);
            self.latest = second;
        }
        self.latest = self.latest.max(second);
        self.latest
    }
}

impl Watch {
    /// The part of `rule` that is watched: none with `breaker = false`, or where the file pins it
    /// to a phase that refuses no caller.
    pub fn of(rule: &Rule) -> Option<Self> {
        let limits = rule.breaker?;
        let (from, to) = span(rule)?;
        let limits = Limits {
            refused_share: limits.refused_share,
            window: limits.window,
            minimum: limits.minimum.into(),
            counts: limits.counts,
            per_network: limits.per_network,
        };
        Some(Self { rule: rule.id.as_ref().into(), limits, from, to })
    }
}

/// Whether requests that `rule` matches are to be counted at `now`: from one window before the
/// watch begins, so that at the first refusal it is known how many callers there are. The calendar
/// does not end it: the breaker knows when it has watched long enough.
pub fn counts(rule: &Rule, now: Timestamp) -> bool {
    let Some((breaker, (from, _))) = rule.breaker.zip(span(rule)) else { return false };
    has_begun_soon(from, breaker.window, now)
}

type Span = (Option<Timestamp>, Option<Timestamp>);

/// From the first moment that the rule can refuse to seven days after its enforcement; for ever
/// where it does not enforce by a calendar.
fn span(rule: &Rule) -> Option<Span> {
    // A person may have set it to enforce, before its time or long after.
    if rule.overridden().is_some_and(|set| set.phase == Phase::Enforce) {
        return Some((None, None));
    }
    let rollout = match (rule.phase, &rule.rollout) {
        (Some(pinned), _) => return pinned.refuses().then_some((None, None)),
        (None, None) => return Some((None, None)),
        (None, Some(rollout)) => rollout,
    };
    let first = rollout.stages().iter().find(|stage| stage.phase.refuses());
    Some((Some(first.map_or(Timestamp::MAX, |stage| stage.from)), rule.watch_end()))
}

/// Tells whether `from` is over at the end of the window that begins `now`.
fn has_begun_soon(from: Option<Timestamp>, window: u32, now: Timestamp) -> bool {
    let soon = now.saturating_add(SignedDuration::from_secs(window.into())).unwrap_or(now);
    from.is_none_or(|from| from <= soon)
}

impl Watched {
    fn new(watch: Watch) -> Self {
        let callers = Callers::new(watch.limits.per_network);
        let (accepted, first_refusal) = (Accepted::default(), None);
        Self {
            watch,
            callers,
            accepted,
            tripped: false,
            first_refusal,
            withheld: 0,
            reported: None,
            swept: 0,
        }
    }

    /// Tells whether the rule can refuse at `now` and is watched.
    fn covers(&self, now: Timestamp) -> bool {
        self.watch.from.is_none_or(|from| from <= now) && !self.is_over(now)
    }

    fn counts(&self, now: Timestamp) -> bool {
        has_begun_soon(self.watch.from, self.watch.limits.window, now) && !self.is_over(now)
    }

    /// Tells whether the watch has ended. It does not end before there was anything to see.
    fn is_over(&self, now: Timestamp) -> bool {
        let Some((to, first)) = self.watch.to.zip(self.first_refusal) else { return false };
        to <= now && now.duration_since(first) >= AFTER_ENFORCEMENT
    }

    fn note_refusal(&mut self, now: Timestamp, tally: &RuleTally) {
        if self.first_refusal.is_none() && tally.callers.has_refused() {
            self.first_refusal = Some(now);
        }
    }

    fn clear(&mut self) {
        self.callers = Callers::new(self.watch.limits.per_network);
        self.reported = None;
    }

    /// The first second of the window that ends with `second`.
    fn since(&self, second: u32) -> u32 {
        (second + 1).saturating_sub(self.watch.limits.window.max(1))
    }

    fn merge(&mut self, second: u32, tally: &RuleTally) {
        let since = self.since(second);
        let accepted = &self.accepted;
        let counts =
            |identity| self.watch.limits.counts == Counted::Seen || accepted.contains(identity);
        self.callers.merge(second, since, &tally.callers, counts);
        // After the callers are counted: an identity has to have been accepted before.
        for caller in &tally.accepted {
            self.accepted.insert(*caller);
        }
        if self.swept != second {
            self.swept = second;
            self.callers.sweep(since);
        }
    }

    fn reading(&self, now: Timestamp, second: u32) -> Reading {
        let totals = self.callers.totals(self.since(second));
        Reading {
            rule: Arc::clone(&self.watch.rule),
            tripped: self.tripped,
            watching: self.covers(now),
            seen: totals.seen,
            refused: totals.refused,
            concentration: totals.concentration(),
            top_network: totals.top.map(|(network, ..)| network),
            withheld: self.withheld,
            limits: self.watch.limits,
        }
    }

    fn check(&mut self, now: Timestamp, second: u32) -> Option<Crossing> {
        let since = self.since(second);
        let totals = self.callers.totals(since);
        let trips = self.trips(&totals);
        if !self.covers(now) || !(trips || self.withholds(&totals)) {
            return None;
        }
        if trips {
            self.tripped = true;
        } else if self.reported.is_some_and(|reported| reported >= since) {
            return None;
        } else {
            self.reported = Some(second);
            self.withheld += 1;
        }
        let Totals { seen, refused, top, .. } = totals;
        let top = top.map(|(network, _, refused)| (network, refused));
        let hit = self.callers.refused(since, NAMED);
        let limits = self.watch.limits;
        let trip =
            Trip { rule: Arc::clone(&self.watch.rule), at: now, seen, refused, top, limits, hit };
        Some(Crossing { trip, trips })
    }

    /// Returns true if the refused share is too large but the top network is responsible: at least
    /// half of the refused come from it, or too few callers remain without it. A network at its cap
    /// may have any number of callers, so it satisfies the minimum.
    fn withholds(&self, totals: &Totals) -> bool {
        let View { all, without_top } = totals.counted;
        let minimum = self.watch.limits.minimum;
        if !(all.seen >= minimum || totals.capped) || !self.exceeds(all.seen, all.refused) {
            return false;
        }
        let too_few = without_top.seen + without_top.left_out < minimum;
        too_few || 2 * (all.refused - without_top.refused) >= all.refused
    }

    /// Returns true if the refused share is too large even without the top network of each address
    /// family. It is also computed without the admitted callers of networks at their cap, which
    /// would dilute it. Each network that is left out counts as one caller towards the minimum.
    fn trips(&self, totals: &Totals) -> bool {
        for view in [totals.counted, totals.undiluted] {
            let View { all, without_top } = view;
            let enough = without_top.seen + without_top.left_out >= self.watch.limits.minimum;
            if enough
                && self.exceeds(all.seen, all.refused)
                && self.exceeds(without_top.seen, without_top.refused)
            {
                return true;
            }
        }
        false
    }

    fn exceeds(&self, seen: u64, refused: u64) -> bool {
        refused > 0 && share(refused, seen) > self.watch.limits.refused_share
    }
}

fn share(refused: u64, seen: u64) -> f64 {
    if seen == 0 { 0.0 } else { (refused as f64 / seen as f64).min(1.0) }
}

fn second(now: Timestamp) -> u32 {
    u32::try_from(now.as_second()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
