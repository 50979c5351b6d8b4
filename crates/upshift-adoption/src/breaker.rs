//! The breaker: it demotes a rule to `warn` if the rule locks out more callers than allowed.
//!
//! 1. It watches a rule with a rollout from the first moment at which the rule can refuse (first
//!    brownout, ramp or enforcement) until seven days after enforcement, or after the first refusal
//!    that this process saw if that is later: a rule may be deployed long after its dates. It
//!    always watches a rule that enforces without a rollout, because the file pins it, a person set
//!    it, or it has none. A rule with `breaker = false` is not watched.
//! 2. In a sliding window, it counts the distinct identities that a rule matched, and those that it
//!    refused, up to a cap for each network ([`CallerWindow`]). A client that polls a thousand
//!    times counts once.
//! 3. It trips if more than `refused_share` of the seen callers are refused and at least `minimum`
//!    were seen, even without the network that most of the refused come from. A crossing that one
//!    network causes alone is only reported, because a single client could cause it.
//! 4. A rule that tripped stays at `warn` until a person resets it ([`Breaker::reset_rule`]); its
//!    window is then empty.
//! 5. It is pure: tallies, the calendar and `now` go in, trips come out. Called four times a
//!    second, it trips within two seconds of the crossing. Each gateway counts only its own
//!    requests.
//! 6. If the clock goes back by more than two seconds, the windows are emptied, so that no rule
//!    trips on contradictory times. Rules that tripped stay tripped.
//!
//! ```
//! use std::net::Ipv4Addr;
//! use upshift_adoption::breaker::{Breaker, TripLimits, BreakerWatch};
//! use upshift_adoption::{CallerTally, CountedCaller, Fingerprint, Network};
//!
//! let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
//! let mut breaker = Breaker::default();
//! let limits = TripLimits { minimum: 10, ..TripLimits::default() };
//! breaker.watch_rules([BreakerWatch { rule: "orders".into(), limits, from: None, to: None }]);
//!
//! let mut tally = CallerTally::default();
//! for n in 0..20_u8 {
//!     let network = Network::of_address(Some(Ipv4Addr::new(203, 0, n, 1).into()));
//!     let caller = CountedCaller { identity: Fingerprint::from_bits(n.into()), network };
//!     tally.record_request("orders", caller, n % 2 == 0, 50);
//! }
//! breaker.merge_tally(now, &tally.take());
//! let crossings = breaker.take_crossings(now);
//! assert!(crossings[0].trips());
//! assert_eq!((crossings[0].trip.seen, crossings[0].trip.refused), (20, 10));
//! assert!(breaker.take_crossings(now).is_empty(), "it trips once, and stays tripped");
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use upshift_core::policy::{self, Counted, Rule};

use crate::tally::RuleTally;
use crate::{Accepted, CallerTally, CallerWindow, Fingerprint, Network, NetworkView, WindowTotals};

/// The time for which a rule is watched after enforcement, or after the first refusal that was
/// seen.
pub const AFTER_ENFORCEMENT: SignedDuration = policy::BreakerLimits::AFTER_ENFORCEMENT;

/// The most refused identities that a trip names.
const MAX_NAMED: usize = 1_000;

/// The number of seconds by which a clock may go back before the windows are emptied.
const CLOCK_SLACK: u32 = 2;

/// The thresholds of a trip: the keys of `[breaker]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TripLimits {
    /// The largest allowed share of refused identities, 0 to 1.
    pub refused_share: f64,
    /// The window, in seconds; at least 1.
    pub window: u32,
    /// The number of identities that must have been seen in the window before it may trip.
    pub minimum: u64,
    /// The identities that count.
    pub counts: Counted,
    /// The most identities of one network that are counted.
    pub per_network: u32,
}

impl Default for TripLimits {
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

/// One rule to be watched, according to policy and calendar.
#[derive(Clone, Debug)]
pub struct BreakerWatch {
    /// The rule's id.
    pub rule: Arc<str>,
    /// The thresholds of a trip.
    pub limits: TripLimits,
    /// The first moment at which the rule can refuse; none: it always can.
    pub from: Option<Timestamp>,
    /// The end of the watch: seven days after enforcement; none: it has no end. The breaker
    /// postpones it until seven days after the first refusal that it sees.
    pub to: Option<Timestamp>,
}

/// A crossing for which a rule is demoted to `warn`.
#[derive(Clone, Debug, PartialEq)]
pub struct Trip {
    /// The rule's id.
    pub rule: Arc<str>,
    /// The time at which the breaker found it.
    pub at: Timestamp,
    /// The distinct identities seen in the window.
    pub seen: u64,
    /// Those of them that were refused.
    pub refused: u64,
    /// The network that most of the refused come from, and the number of them.
    pub top: Option<(Network, u64)>,
    /// The limits that were crossed.
    pub limits: TripLimits,
    /// The fingerprints of the refused identities, at most 1,000.
    pub hit: Vec<Fingerprint>,
}

impl Trip {
    /// The refused share, 0 to 1.
    pub fn share(&self) -> f64 {
        share_of(self.refused, self.seen)
    }

    /// The share of the refused that come from the top network, 0 to 1.
    pub fn concentration(&self) -> f64 {
        match self.top {
            Some((_, refused)) => share_of(refused, self.refused),
            None => 0.0,
        }
    }

    /// The trip in one sentence, for logs, the store and the webhook. It names no network.
    pub fn summary(&self) -> String {
        format!(
            "{} of {} identities were refused within {} s ({:.1} %, allowed {:.1} %), {:.0} % of them \
             from one network",
            self.refused,
            self.seen,
            self.limits.window,
            self.share() * 100.0,
            self.limits.refused_share * 100.0,
            self.concentration() * 100.0
        )
    }
}

/// A rule that crossed its limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossing {
    /// The counts.
    pub trip: Trip,
    /// The reason why the trip is withheld; `None` if the rule trips.
    pub withheld: Option<TripWithheld>,
}

/// The reason why a crossing does not trip its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TripWithheld {
    /// Without the network with the most refused, the limit is not crossed.
    OneNetwork,
    /// Without that network, too few identities were seen to decide.
    FewOthers {
        /// Their number.
        seen: u64,
    },
}

impl Crossing {
    /// Returns true if the rule trips.
    pub fn trips(&self) -> bool {
        self.withheld.is_none()
    }

    /// The reason why the trip is withheld, and what to do, for logs and the webhook. It names no
    /// network; empty if the rule trips.
    pub fn withheld_reason(&self) -> String {
        let limits = &self.trip.limits;
        match self.withheld {
            None => String::new(),
            Some(TripWithheld::OneNetwork) => {
                "without that network, the limit is not crossed. If it is a proxy, declare it"
                    .to_owned()
            }
            Some(TripWithheld::FewOthers { seen }) => format!(
                "without that network, {seen} identities were seen, and `minimum` is {}. If it is \
                 a proxy, declare it; if these are all clients, lower `minimum` or raise \
                 `per-network`",
                limits.minimum
            ),
        }
    }
}

/// The state of the breaker for one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerReading {
    /// The rule's id.
    pub rule: Arc<str>,
    /// It tripped, and no person has reset it.
    pub tripped: bool,
    /// It is watched now.
    pub watching: bool,
    /// The distinct identities seen in the window.
    pub seen: u64,
    /// Those of them that were refused.
    pub refused: u64,
    /// The share of the refused that come from the top network, 0 to 1.
    pub concentration: f64,
    /// The network that most of the refused come from.
    pub top_network: Option<Network>,
    /// The number of crossings since the start that one network caused alone.
    pub withheld: u64,
    /// The limits.
    pub limits: TripLimits,
}

impl BreakerReading {
    /// The refused share, 0 to 1.
    pub fn share(&self) -> f64 {
        share_of(self.refused, self.seen)
    }
}

/// The breaker of one process, for all its rules.
#[derive(Default)]
pub struct Breaker {
    rules: BTreeMap<Arc<str>, WatchedRule>,
    /// The second of the latest call.
    latest: u32,
}

struct WatchedRule {
    watch: BreakerWatch,
    callers: CallerWindow,
    accepted: Accepted,
    tripped: bool,
    /// The time at which a refused caller was first seen.
    first_refusal: Option<Timestamp>,
    /// The number of crossings that one network caused alone.
    withheld: u64,
    /// The second at which one of them was last reported.
    reported: Option<u32>,
    /// The second at which callers were last counted, and those outside the window forgotten.
    counted: u32,
}

impl Breaker {
    /// Sets the rules to watch, at start-up and after each reload. Rules that were watched before
    /// keep their counts, unless their limits changed, and stay tripped.
    pub fn watch_rules(&mut self, watches: impl IntoIterator<Item = BreakerWatch>) {
        // Rules still in `before` at the end are no longer in the file, and are dropped.
        let mut before = std::mem::take(&mut self.rules);
        for watch in watches {
            let watched = match before.remove(&watch.rule) {
                // Counts under other limits have another window or another cap.
                Some(old) if old.watch.limits == watch.limits => WatchedRule { watch, ..old },
                // A reload must not release a rule that tripped, nor prolong its watch.
                Some(old) => WatchedRule {
                    tripped: old.tripped,
                    first_refusal: old.first_refusal,
                    ..WatchedRule::new(watch)
                },
                None => WatchedRule::new(watch),
            };
            self.rules.insert(Arc::clone(&watched.watch.rule), watched);
        }
    }

    /// Adds the counts of a core.
    pub fn merge_tally(&mut self, now: Timestamp, tally: &CallerTally) {
        let second = self.advance_clock(now);
        for (rule, tally) in &tally.rules {
            if let Some(watched) = self.rules.get_mut(rule)
                && watched.is_counting(now)
            {
                // Any refusal begins the watch, also of a caller that does not count because no
                // upstream has accepted it.
                watched.note_refusal(now, tally);
                watched.merge_tally(second, tally);
            }
        }
    }

    /// The rules that crossed their limit since the last call. The caller demotes those that trip
    /// to `warn`.
    pub fn take_crossings(&mut self, now: Timestamp) -> Vec<Crossing> {
        let second = self.advance_clock(now);
        let mut crossings = Vec::new();
        for watched in self.rules.values_mut() {
            // A rule that tripped is already at `warn`, until a person resumes it. Among thousands
            // of rules, few see callers, and only these can cross their limit.
            if !watched.tripped && watched.has_callers(second) {
                crossings.extend(watched.check_limits(now, second));
            }
        }
        crossings
    }

    /// Marks `rule` as tripped, because the store says that it tripped before the restart.
    pub fn mark_tripped(&mut self, rule: &str) {
        if let Some(watched) = self.rules.get_mut(rule) {
            watched.tripped = true;
        }
    }

    /// Resets `rule`, which a person resumed, and empties its window. Returns true if it was
    /// tripped.
    pub fn reset_rule(&mut self, rule: &str) -> bool {
        let Some(watched) = self.rules.get_mut(rule) else { return false };
        // Otherwise the callers that made it trip would make it trip again at once.
        watched.clear_window();
        std::mem::take(&mut watched.tripped)
    }

    /// The state of every watched rule, in the order of their ids.
    pub fn readings(&self, now: Timestamp) -> Vec<BreakerReading> {
        let second = epoch_second(now);
        self.rules.values().map(|watched| watched.reading(now, second)).collect()
    }

    fn advance_clock(&mut self, now: Timestamp) -> u32 {
        let second = epoch_second(now);
        // Small steps back are usual, by NTP for example: `latest` stays until time catches up.
        if second.saturating_add(CLOCK_SLACK) < self.latest {
            self.rules.values_mut().for_each(WatchedRule::clear_window);
            self.latest = second;
        }
        self.latest = self.latest.max(second);
        self.latest
    }
}

impl BreakerWatch {
    /// The watch of `rule`; none with `breaker = false`, or if the file pins the rule to a phase
    /// that refuses no caller.
    pub fn of_rule(rule: &Rule) -> Option<Self> {
        let breaker = rule.breaker?;
        let (from, to) = watch_span(rule)?;
        let limits = TripLimits {
            refused_share: breaker.refused_share,
            window: breaker.window,
            minimum: breaker.minimum.into(),
            counts: breaker.counts,
            per_network: breaker.per_network,
        };
        Some(Self { rule: rule.id.as_ref().into(), limits, from, to })
    }
}

/// Returns true if requests that `rule` matches are counted at `now`: from one window before the
/// watch begins, so that the number of callers is known at the first refusal. The calendar does not
/// end the count; only the breaker knows when it has watched long enough.
pub fn is_counted(rule: &Rule, now: Timestamp) -> bool {
    match (rule.breaker, watch_span(rule)) {
        (Some(breaker), Some((from, _))) => begins_within(from, breaker.window, now),
        _ => false,
    }
}

/// The start of a watch and its end; none: no limit.
type WatchSpan = (Option<Timestamp>, Option<Timestamp>);

/// The span from the first moment at which the rule can refuse to seven days after its enforcement;
/// without limits for a rule that enforces without a calendar.
fn watch_span(rule: &Rule) -> Option<WatchSpan> {
    // A person may have set it to enforce before its date, or long after it.
    if let Some(set) = rule.overridden()
        && set.phase.refuses()
    {
        return Some((None, None));
    }
    let rollout = match (rule.phase, &rule.rollout) {
        (Some(pinned), _) if pinned.refuses() => return Some((None, None)),
        // A pin beats the rollout, and this one refuses no caller.
        (Some(_), _) => return None,
        // Without a phase and without a rollout, a rule is enforced.
        (None, None) => return Some((None, None)),
        (None, Some(rollout)) => rollout,
    };
    let from = match rollout.stages().iter().find(|stage| stage.phase.refuses()) {
        Some(stage) => stage.from,
        // Such a rollout never refuses. A person who sets the rule to `enforce` is handled above.
        None => Timestamp::MAX,
    };
    Some((Some(from), rule.watch_end()))
}

/// Returns true if `from` is before the end of the window that begins `now`.
fn begins_within(from: Option<Timestamp>, window: u32, now: Timestamp) -> bool {
    let Some(from) = from else { return true };
    // This fails only for calendar units, and seconds are not one.
    let window_end = now.saturating_add(SignedDuration::from_secs(window.into())).unwrap_or(now);
    from <= window_end
}

impl WatchedRule {
    fn new(watch: BreakerWatch) -> Self {
        let callers = CallerWindow::new(watch.limits.per_network);
        let (accepted, first_refusal) = (Accepted::default(), None);
        Self {
            watch,
            callers,
            accepted,
            tripped: false,
            first_refusal,
            withheld: 0,
            reported: None,
            counted: 0,
        }
    }

    /// Returns true if the rule can refuse at `now` and is watched.
    fn is_watching(&self, now: Timestamp) -> bool {
        begins_within(self.watch.from, 0, now) && !self.is_over(now)
    }

    /// Returns true if callers are counted at `now`.
    fn is_counting(&self, now: Timestamp) -> bool {
        begins_within(self.watch.from, self.watch.limits.window, now) && !self.is_over(now)
    }

    /// Returns true if the watch has ended. It does not end before the first refusal was seen.
    fn is_over(&self, now: Timestamp) -> bool {
        // A rule may be deployed years after its dates, and refuse everyone with its first request.
        let (Some(to), Some(first)) = (self.watch.to, self.first_refusal) else { return false };
        to <= now && now.duration_since(first) >= AFTER_ENFORCEMENT
    }

    fn note_refusal(&mut self, now: Timestamp, tally: &RuleTally) {
        if self.first_refusal.is_none() && tally.callers.has_refused() {
            self.first_refusal = Some(now);
        }
    }

    fn clear_window(&mut self) {
        self.callers = CallerWindow::new(self.watch.limits.per_network);
        // A withheld trip in the new window must be reported as well.
        self.reported = None;
    }

    /// The first second of the window that ends with `second`.
    fn window_start(&self, second: u32) -> u32 {
        // The current second is one of the window. An embedder may have set a window of 0.
        (second + 1).saturating_sub(self.watch.limits.window.max(1))
    }

    fn merge_tally(&mut self, second: u32, tally: &RuleTally) {
        let since = self.window_start(second);
        let (limits, accepted) = (&self.watch.limits, &self.accepted);
        self.callers.merge_callers(second, since, &tally.callers, |identity| {
            limits.counts == Counted::Seen || accepted.contains(identity)
        });
        // After the callers are counted: an identity counts only if it was accepted before.
        for caller in &tally.accepted {
            self.accepted.insert(*caller);
        }
        // Forgetting walks all callers, and each core hands over its counts several times a second.
        if self.counted != second {
            self.counted = second;
            self.callers.forget_before(since);
        }
    }

    /// Returns true if a caller may be in the window that ends with `second`.
    fn has_callers(&self, second: u32) -> bool {
        !self.callers.is_empty() && self.counted >= self.window_start(second)
    }

    fn reading(&self, now: Timestamp, second: u32) -> BreakerReading {
        let totals = self.callers.totals(self.window_start(second));
        BreakerReading {
            rule: Arc::clone(&self.watch.rule),
            tripped: self.tripped,
            watching: self.is_watching(now),
            seen: totals.seen,
            refused: totals.refused,
            concentration: totals.concentration(),
            top_network: totals.top.map(|(network, ..)| network),
            withheld: self.withheld,
            limits: self.watch.limits,
        }
    }

    /// The crossing of the rule at `now`, if there is one to report.
    fn check_limits(&mut self, now: Timestamp, second: u32) -> Option<Crossing> {
        let since = self.window_start(second);
        let totals = self.callers.totals(since);
        let trips = self.trips(&totals);
        let withheld = if trips { None } else { self.withholds(&totals) };
        if !self.is_watching(now) || !(trips || withheld.is_some()) {
            return None;
        }
        // A trip is reported even if a withheld one was reported in the same window.
        if trips {
            self.tripped = true;
        } else if self.reported.is_some_and(|reported| reported >= since) {
            // One report per window: a single network may keep the rule over its limit for days.
            return None;
        } else {
            self.reported = Some(second);
            self.withheld += 1;
        }
        let WindowTotals { seen, refused, top, .. } = totals;
        let top = top.map(|(network, _, refused)| (network, refused));
        let hit = self.callers.refused_identities(since, MAX_NAMED);
        let limits = self.watch.limits;
        let trip =
            Trip { rule: Arc::clone(&self.watch.rule), at: now, seen, refused, top, limits, hit };
        Some(Crossing { trip, withheld })
    }

    /// The reason to withhold a trip: the refused share is too large, but the top network is
    /// responsible, because too few callers remain without it, or at least half of the refused come
    /// from it. A network at its cap may have any number of callers, so it satisfies the minimum.
    fn withholds(&self, totals: &WindowTotals) -> Option<TripWithheld> {
        let NetworkView { all, without_top } = totals.counted;
        let minimum = self.watch.limits.minimum;
        if !(all.seen >= minimum || totals.capped) || !self.exceeds(all.seen, all.refused) {
            return None;
        }
        if without_top.seen + without_top.left_out < minimum {
            return Some(TripWithheld::FewOthers { seen: without_top.seen });
        }
        let of_top = all.refused - without_top.refused;
        if 2 * of_top >= all.refused { Some(TripWithheld::OneNetwork) } else { None }
    }

    /// Returns true if the refused share is too large even without the top network of each address
    /// family. It is also computed without the admitted callers of networks at their cap, which
    /// would dilute it. Each network that is left out counts as one caller towards the minimum.
    fn trips(&self, totals: &WindowTotals) -> bool {
        // Either view is enough: one network could hide the refused among invented callers that
        // comply.
        for view in [totals.counted, totals.undiluted] {
            let NetworkView { all, without_top } = view;
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
        refused > 0 && share_of(refused, seen) > self.watch.limits.refused_share
    }
}

/// The share of the refused among the seen, 0 to 1.
fn share_of(refused: u64, seen: u64) -> f64 {
    // 0 / 0 would be NaN.
    if seen == 0 { 0.0 } else { (refused as f64 / seen as f64).min(1.0) }
}

/// Seconds since 1970; 0 before.
fn epoch_second(now: Timestamp) -> u32 {
    // A u32 lasts until 2106, and two of them are kept for each caller.
    u32::try_from(now.as_second()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
