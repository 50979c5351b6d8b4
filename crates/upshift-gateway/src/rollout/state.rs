//! What control knows, under one lock.

use std::collections::BTreeMap;

use upshift_adoption::breaker::{Breaker, Crossing, Trip, Watch};
use upshift_adoption::overrides::{Change, Overrides, Shares, Stop, Target};
use upshift_adoption::{Expiring, ExpiryNotice, ExpiryNotices, History, Tally};
use upshift_core::policy::{self, Actor, RolloutState, Rule};
use upshift_core::{Phase, Policy, Timestamp};
use upshift_record::control::{ChangeReport, RuleChange};

use super::keeper::{self, Keeper};
use super::{ControlError, Publish, Wanted};

/// The file, what is imposed over it, and what was seen.
pub(super) struct State {
    pub(super) file: Policy,
    /// `--observe`: every rule observes, whatever else is imposed.
    observe: bool,
    pub(super) webhook: Option<String>,
    pub(super) history: History,
    pub(super) keeper: Keeper,
    /// What is imposed, as the history has it.
    pub(super) overrides: Overrides,
    next_lapse: Option<Timestamp>,
    pub(super) breaker: Breaker,
    notices: ExpiryNotices,
    /// By rule, since the start.
    pub(super) sightings: BTreeMap<String, Sightings>,
    /// Where each rule stood when it was last looked at.
    phases: BTreeMap<String, Phase>,
}

/// What was seen of a rule's callers.
#[derive(Clone, Copy, Default)]
pub(super) struct Sightings {
    /// Requests that met the version that is required.
    pub(super) compliant: u64,
    /// Requests that a ramp passed over because they had no identity.
    pub(super) unnamed: u64,
    /// Trips of the breaker.
    pub(super) trips: u64,
}

impl State {
    pub(super) fn new(
        file: Policy,
        history: History,
        keeper: Keeper,
        observe: bool,
        webhook: Option<String>,
    ) -> Self {
        Self {
            file,
            observe,
            webhook,
            overrides: history.overrides(),
            history,
            keeper,
            next_lapse: None,
            breaker: Breaker::default(),
            notices: ExpiryNotices::default(),
            sightings: BTreeMap::new(),
            phases: BTreeMap::new(),
        }
    }

    /// The file's policy with `overrides`, as they stand at `now`.
    pub(super) fn effective(&self, overrides: &Overrides, now: Timestamp) -> Policy {
        if self.observe {
            let (phase, by) = (Phase::Observe, Actor::CommandLine);
            let all = policy::Override { phase, until: None, by, reason: "--observe".into() };
            return self.file.with_overrides(&policy::Overrides {
                all: Some(all),
                ..policy::Overrides::default()
            });
        }
        self.file.with_overrides(
            &overrides.resolve(self.file.rules().iter().map(|rule| rule.id.as_ref()), now),
        )
    }

    /// The policy that is to be in force from now on; the breaker watches accordingly.
    pub(super) fn apply(&mut self, now: Timestamp) -> Policy {
        let policy = self.effective(&self.overrides, now);
        self.next_lapse = self.overrides.next_lapse(now);
        self.breaker.watch(policy.rules().iter().filter_map(Watch::of));
        for rule in self.overrides.tripped() {
            self.breaker.latch(rule);
        }
        policy
    }

    /// Takes the overrides of the history, resets the breaker where its latch is gone, and puts it
    /// all in force.
    pub(super) fn put_in_force(&mut self, now: Timestamp, publish: &Publish) {
        let before = std::mem::replace(&mut self.overrides, self.history.overrides());
        let kept: Vec<&str> = self.overrides.tripped().collect();
        for rule in before.tripped().filter(|rule| !kept.contains(rule)) {
            self.breaker.reset(rule);
        }
        let policy = self.apply(now);
        self.tell_phases(&policy, now);
        publish(policy);
    }

    /// Tells whether the rule that `change` is about is there: in the file, or still among the
    /// overrides.
    pub(super) fn knows(&self, change: &Change, now: Timestamp) -> Result<(), ControlError> {
        let held = |rule: &str| {
            matches!(change, Change::Resume(_)) && self.overrides.of(rule, now).is_some()
        };
        match change.rule() {
            Some(rule) if self.file.rule(rule).is_none() && !held(rule) => {
                Err(ControlError::UnknownRule(rule.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// What `change` would do.
    pub(super) fn preview(
        &self,
        change: &Change,
        now: Timestamp,
    ) -> Result<ChangeReport, ControlError> {
        let (after, undone) = self.history.preview(change, now)?;
        Ok(ChangeReport {
            revision: None,
            action: change.action().into(),
            change: None,
            latest: self.history.latest().unwrap_or(0),
            undoes: undone.map(|undone| undone.revision),
            undoes_change: undone.map(|undone| undone.id.clone()),
            kept: None,
            warning: None,
            now: Some(now.to_string()),
            rules: self.changes(change, &after, now),
        })
    }

    /// Tells whether a change that would do what `preview` says may be made at `now`.
    pub(super) fn allows(
        &self,
        wanted: &Wanted,
        preview: &ChangeReport,
        now: Timestamp,
    ) -> Result<(), ControlError> {
        // The client has given it up by then, and says that it was not made.
        if let Some(end) = wanted.not_after.filter(|end| *end < now) {
            return Err(ControlError::TooLate(end));
        }
        if let Some(id) = wanted.id.as_ref().filter(|id| self.history.find(id).is_some()) {
            return Err(ControlError::Repeated(id.clone()));
        }
        if wanted.after.is_some_and(|after| after != preview.latest) {
            return Err(ControlError::Overtaken);
        }
        if !wanted.confirm && preview.rules.iter().any(RuleChange::rises) {
            return Err(ControlError::Rises { rules: preview.rules.clone() });
        }
        Ok(())
    }

    /// The rules that `change` moves, from `self.overrides` to `after`.
    fn changes(&self, change: &Change, after: &Overrides, now: Timestamp) -> Vec<RuleChange> {
        let (old, new) = (self.effective(&self.overrides, now), self.effective(after, now));
        let named = |rule: &Rule| change.rule().is_some_and(|named| *named == *rule.id);
        let pairs = old.rules().iter().zip(new.rules());
        let moved = pairs.filter(|(old, new)| named(old) || old.overridden() != new.overridden());
        let resumed = matches!(change, Change::Resume(Target::All | Target::Rule(_)));
        moved.map(|(old, new)| self.change_of(old, new, resumed, now)).collect()
    }

    fn change_of(&self, old: &Rule, new: &Rule, resumed: bool, now: Timestamp) -> RuleChange {
        let (before, after) = (old.rollout_state(now), new.rollout_state(now));
        // A stopped rule refuses nobody, so that every resume would be a rise: it is held against
        // what it was when it was stopped.
        let stop = self.overrides.stop_of(&old.id, now).filter(|_| resumed);
        let share_before = stop.map_or(before.share, Stop::share);
        RuleChange {
            rule: old.id.to_string(),
            phase_before: before.phase.to_string(),
            share_before: share_before.fraction(),
            phase: after.phase.to_string(),
            share: after.share.fraction(),
            stopped: stop.map(|stop| stop.at.to_string()),
        }
    }

    /// What each rule refuses at `now`.
    pub(super) fn shares(&self, now: Timestamp) -> Shares {
        let policy = self.effective(&self.overrides, now);
        policy
            .rules()
            .iter()
            .map(|rule| (rule.id.to_string(), rule.rollout_state(now).share))
            .collect()
    }

    /// Adds what the cores counted.
    pub(super) fn absorb(&mut self, tallies: &[Tally], now: Timestamp) {
        for tally in tallies {
            self.breaker.merge(now, tally);
            for (rule, compliant, unnamed) in tally.sightings() {
                let seen = self.sightings.entry(rule.to_owned()).or_default();
                seen.compliant += compliant;
                seen.unnamed += unnamed;
            }
        }
    }

    /// Demotes the rules that crossed their limit, and returns every crossing, to be reported.
    pub(super) fn check_breaker(&mut self, now: Timestamp, publish: &Publish) -> Vec<Crossing> {
        let crossings = self.breaker.crossings(now);
        for Crossing { trip, trips } in &crossings {
            let (rule, seen, refused, concentration) =
                (&trip.rule, trip.seen, trip.refused, trip.concentration());
            let sentence = trip.sentence();
            if *trips {
                tracing::error!(%rule, seen, refused, concentration, "the breaker tripped: {sentence}; the rule only warns until it is resumed");
                self.trip(trip, now, publish);
            } else {
                let network = trip.top.map(|(network, _)| network.to_string()).unwrap_or_default();
                tracing::error!(%rule, seen, refused, concentration, network, "the breaker did not trip: {sentence}, and without it the limit is kept. If that network is a proxy, declare it");
            }
        }
        crossings
    }

    fn trip(&mut self, trip: &Trip, now: Timestamp, publish: &Publish) {
        let rule = &trip.rule;
        self.sightings.entry(rule.to_string()).or_default().trips += 1;
        let shares = self.shares(now);
        let record = self.history.trip(trip, &keeper::random_id(), &shares);
        // What comes of it is in the log: the trip holds in any case.
        drop(self.keeper.save(&record));
        self.put_in_force(now, publish);
    }

    /// Puts the policy in force anew when something that was set for a while has ended.
    pub(super) fn lapse(&mut self, now: Timestamp, publish: &Publish) {
        if self.next_lapse.is_some_and(|lapse| lapse <= now) {
            let policy = self.apply(now);
            publish(policy);
        }
    }

    /// The notes on exemptions that became due.
    pub(super) fn notices(&mut self, now: Timestamp) -> Vec<ExpiryNotice> {
        let exemptions = self.file.exemptions().iter().map(|exemption| Expiring {
            name: exemption.id.to_string(),
            owner: exemption.owner.clone(),
            reason: exemption.reason.clone(),
            expires: exemption.expires,
        });
        self.notices.due(&exemptions.collect::<Vec<_>>(), now)
    }

    /// Remembers where each rule of `policy` stands, and says what changed since it was last looked
    /// at.
    pub(super) fn tell_phases(&mut self, policy: &Policy, now: Timestamp) {
        let stood = std::mem::take(&mut self.phases);
        for rule in policy.rules() {
            let RolloutState { phase, share, .. } = rule.rollout_state(now);
            self.phases.insert(rule.id.to_string(), phase);
            let Some(before) = stood.get(rule.id.as_ref()).filter(|before| **before != phase)
            else {
                continue;
            };
            tracing::info!(rule = %rule.id, "{}: {before} → {phase} ({:.0} % refused)", rule.id, share.fraction() * 100.0);
            self.guard(rule, phase);
        }
    }

    /// A rule begins to refuse: is there anything to upgrade to?
    fn guard(&self, rule: &Rule, phase: Phase) {
        let versioned = rule.require.iter().any(|requirement| !requirement.kind().is_transport());
        let seen = self.sightings.get(rule.id.as_ref()).is_some_and(|seen| seen.compliant > 0);
        if phase.refuses() && versioned && !seen {
            let rule = &rule.id;
            tracing::warn!(%rule, %phase, "it begins to refuse, and nobody on the required version was seen here yet");
        }
    }
}
