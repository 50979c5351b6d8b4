//! The state of [`Control`](super::Control), which one lock guards.

use std::collections::BTreeMap;
use std::sync::Arc;

use upshift_adoption::breaker::{Breaker, BreakerWatch, Crossing, Trip};
use upshift_adoption::ledger::{NewEntry, RevisionCause};
use upshift_adoption::overrides::RolloutOverrides;
use upshift_adoption::{CallerTally, Expiring, ExpiryNotice, ExpiryNotices, History, Record};
use upshift_core::policy::{self, Actor, Rule};
use upshift_core::{Phase, Policy, Timestamp};

use super::phase_log::{PhaseChange, PhaseLog, RecordedPhases};
use super::policy_ledger::{PolicyEvent, PolicyLedger};
use super::store_writer::{PendingWrite, StoreWriter, random_id};

/// Puts an effective policy in force.
pub(crate) type Publish = Box<dyn Fn(Policy) + Send + Sync>;

/// The policy of the file, the overrides on top of it, and the callers that were seen.
pub(super) struct ControlState {
    /// The policy of the file, without overrides.
    file: Policy,
    /// `--observe`: every rule observes, in spite of the file and of overrides.
    observe: bool,
    pub(super) webhook: Option<String>,
    pub(super) history: History,
    pub(super) store: StoreWriter,
    /// The overrides that the history results in.
    pub(super) overrides: RolloutOverrides,
    /// The next time at which an override ends by itself.
    next_lapse: Option<Timestamp>,
    pub(super) breaker: Breaker,
    /// The exemptions of the file.
    expiring: Vec<Expiring>,
    notices: ExpiryNotices,
    /// By rule, since the start.
    pub(super) seen_by_rule: BTreeMap<String, SeenCallers>,
    phase_log: PhaseLog,
    pub(super) ledger: PolicyLedger,
}

/// Counts of a rule's callers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SeenCallers {
    /// Requests that met the version that is required.
    pub(super) compliant: u64,
    /// Requests that a ramp passed over because they had no identity.
    pub(super) unnamed: u64,
    /// Trips of the breaker.
    pub(super) trips: u64,
}

impl ControlState {
    pub(super) fn new(
        file: Policy,
        history: History,
        store: StoreWriter,
        ledger: PolicyLedger,
        (observe, webhook): (bool, Option<String>),
    ) -> Self {
        Self {
            ledger,
            expiring: expiring_exemptions(&file),
            file,
            observe,
            webhook,
            overrides: history.overrides(),
            history,
            store,
            next_lapse: None,
            breaker: Breaker::default(),
            notices: ExpiryNotices::default(),
            seen_by_rule: BTreeMap::new(),
            phase_log: PhaseLog::default(),
        }
    }

    /// The policy of the file, without overrides.
    pub(super) fn file_policy(&self) -> &Policy {
        &self.file
    }

    /// Replaces the policy of the file.
    pub(super) fn set_file_policy(&mut self, file: Policy) {
        self.expiring = expiring_exemptions(&file);
        self.file = file;
    }

    /// The policy of the file under the overrides in force at `now`. This clones the policy.
    pub(super) fn effective_policy(&self, now: Timestamp) -> Policy {
        self.policy_under(&self.overrides, now)
    }

    /// The policy of the file under `overrides`, as of `now`.
    pub(super) fn policy_under(&self, overrides: &RolloutOverrides, now: Timestamp) -> Policy {
        self.file_under(&self.file, overrides, now)
    }

    /// The policy of another file under the overrides in force at `now`.
    pub(super) fn under_present_overrides(&self, file: &Policy, now: Timestamp) -> Policy {
        self.file_under(file, &self.overrides, now)
    }

    fn file_under(&self, file: &Policy, overrides: &RolloutOverrides, now: Timestamp) -> Policy {
        if self.observe {
            let observing = policy::Override {
                phase: Phase::Observe,
                until: None,
                by: Actor::CommandLine,
                reason: "--observe".into(),
            };
            return file.with_overrides(&policy::Overrides {
                all: Some(observing),
                ..policy::Overrides::default()
            });
        }
        let rules = file.rules().iter().map(|rule| rule.id.as_ref());
        file.with_overrides(&overrides.resolve_for(rules, now))
    }

    /// Computes the effective policy after an event, tells the breaker which rules to watch, and
    /// logs the phases that changed. The caller publishes the policy, and writes its revision.
    pub(super) fn recompute_policy(
        &mut self,
        event: &PolicyEvent<'_>,
        now: Timestamp,
    ) -> (Policy, Arc<NewEntry>) {
        let policy = self.effective_policy(now);
        self.next_lapse = self.overrides.next_end(now);
        self.breaker.watch_rules(policy.rules().iter().filter_map(BreakerWatch::of_rule));
        for rule in self.overrides.tripped_rules() {
            self.breaker.mark_tripped(rule);
        }
        let phases = self.log_phase_changes(&policy, now);
        let revision = self.revision(event, &phases, now);
        (policy, revision)
    }

    fn revision(
        &mut self,
        event: &PolicyEvent<'_>,
        phases: &RecordedPhases,
        at: Timestamp,
    ) -> Arc<NewEntry> {
        let latest_change = self.history.latest_number().unwrap_or(0);
        self.ledger.revision(event, phases, (at, latest_change))
    }

    /// Takes the overrides from the history after its latest change, resets the breakers of rules
    /// that are no longer tripped, writes the change with its policy revision, and publishes the
    /// effective policy.
    pub(super) fn put_in_force(
        &mut self,
        record: &Arc<Record>,
        now: Timestamp,
        publish: &Publish,
    ) -> PendingWrite {
        let before = std::mem::replace(&mut self.overrides, self.history.overrides());
        let still_tripped: Vec<&str> = self.overrides.tripped_rules().collect();
        for rule in before.tripped_rules() {
            if !still_tripped.contains(&rule) {
                self.breaker.reset_rule(rule);
            }
        }
        let change = &record.revision;
        let is_trip = change.action == "trip";
        let event = PolicyEvent::Change {
            cause: if is_trip { RevisionCause::Trip } else { RevisionCause::Change },
            number: change.revision,
            actor: &change.actor,
            reason: &change.reason,
        };
        let (policy, revision) = self.recompute_policy(&event, now);
        // Only queued here: nothing that holds the lock of the control waits for a disk.
        let pending_write = self.store.write_change(record, revision);
        publish(policy);
        pending_write
    }

    /// Adds the tallies of the cores.
    pub(super) fn add_tallies(&mut self, tallies: &[CallerTally], now: Timestamp) {
        for tally in tallies {
            self.breaker.merge_tally(now, tally);
            for (rule, compliant, unnamed) in tally.seen_by_rule() {
                let seen = self.seen_by_rule.entry(rule.to_owned()).or_default();
                seen.compliant += compliant;
                seen.unnamed += unnamed;
            }
        }
    }

    /// Demotes the rules that crossed the limit of their breaker, and returns every crossing, so
    /// that it is reported.
    pub(super) fn check_breaker(&mut self, now: Timestamp, publish: &Publish) -> Vec<Crossing> {
        let crossings = self.breaker.take_crossings(now);
        for crossing in &crossings {
            let trip = &crossing.trip;
            let (rule, seen, refused) = (&trip.rule, trip.seen, trip.refused);
            let (concentration, sentence) = (trip.concentration(), trip.summary());
            if crossing.trips() {
                tracing::error!(
                    %rule, seen, refused, concentration,
                    "the breaker tripped: {sentence}; the rule only warns until it is resumed"
                );
                self.record_trip(trip, now, publish);
            } else {
                let network = trip.top.map(|(network, _)| network.to_string()).unwrap_or_default();
                let reason = crossing.withheld_reason();
                tracing::error!(
                    %rule, seen, refused, concentration, network,
                    "the breaker did not trip: {sentence}; {reason}"
                );
            }
        }
        crossings
    }

    fn record_trip(&mut self, trip: &Trip, now: Timestamp, publish: &Publish) {
        self.seen_by_rule.entry(trip.rule.to_string()).or_default().trips += 1;
        let shares = self.refused_shares(now);
        let record = self.history.record_trip(trip, &random_id(), &shares);
        // A trip is in force even if it cannot be written; the writer logs the failure.
        drop(self.put_in_force(&record, now, publish));
    }

    /// Publishes the effective policy if an override has ended by `now`.
    pub(super) fn end_lapsed_overrides(&mut self, now: Timestamp, publish: &Publish) {
        if let Some(lapse) = self.next_lapse
            && lapse <= now
        {
            let (policy, revision) = self.recompute_policy(&PolicyEvent::Lapse(lapse), now);
            self.store.write_revision(revision);
            publish(policy);
        }
    }

    /// Logs and records the phases that changed by the calendar. Between phase boundaries this is
    /// one comparison, because computing the effective policy clones it.
    pub(super) fn check_calendar(&mut self, now: Timestamp) {
        if !self.phase_log.is_due(now) {
            return;
        }
        // Requests were decided by the next phase from its very beginning.
        let boundary = self.phase_log.next_boundary().unwrap_or(now).min(now);
        let policy = self.effective_policy(now);
        let phases = self.log_phase_changes(&policy, now);
        if !phases.changed.is_empty() {
            let revision = self.revision(&PolicyEvent::Calendar, &phases, boundary);
            self.store.write_revision(revision);
        }
    }

    /// Returns the notices on exemptions that became due.
    pub(super) fn due_notices(&mut self, now: Timestamp) -> Vec<ExpiryNotice> {
        self.notices.take_due(&self.expiring, now)
    }

    fn log_phase_changes(&mut self, policy: &Policy, now: Timestamp) -> RecordedPhases {
        let phases = self.phase_log.record_phases(policy, now);
        for PhaseChange { rule, from, to, share } in &phases.changes {
            let percent = share.fraction() * 100.0;
            tracing::info!(%rule, "{rule}: {from} → {to} ({percent:.0} % refused)");
            if to.refuses()
                && let Some(rule) = policy.rule(rule)
            {
                self.warn_if_no_compliant_client(rule, *to);
            }
        }
        phases
    }

    /// Warns if a rule starts refusing and no client could have upgraded to the required version.
    fn warn_if_no_compliant_client(&self, rule: &Rule, phase: Phase) {
        // Compliant callers are counted for versions, and not for transport requirements.
        let requires_version =
            rule.require.iter().any(|requirement| !requirement.kind().is_transport());
        let compliant = match self.seen_by_rule.get(rule.id.as_ref()) {
            Some(seen) => seen.compliant,
            None => 0,
        };
        if requires_version && compliant == 0 {
            let rule = &rule.id;
            tracing::warn!(
                %rule, %phase,
                "the rule starts refusing, and no compliant client has been seen here"
            );
        }
    }
}

fn expiring_exemptions(policy: &Policy) -> Vec<Expiring> {
    let mut expiring = Vec::new();
    for exemption in policy.exemptions() {
        expiring.push(Expiring {
            name: exemption.id.to_string(),
            owner: exemption.owner.clone(),
            reason: exemption.reason.clone(),
            expires: exemption.expires,
        });
    }
    expiring
}
