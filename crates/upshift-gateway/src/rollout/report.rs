//! Reports on the rollout, as the admin API returns them.

use std::collections::BTreeMap;

use upshift_adoption::breaker::{BreakerReading, Trip};
use upshift_adoption::overrides::Imposed;
use upshift_adoption::report::refused_caller_record;
use upshift_adoption::usage::RefusedCaller;
use upshift_adoption::{History, Revision};
use upshift_core::policy::Rule;
use upshift_core::{Policy, Timestamp};
use upshift_record::control::{
    BreakerStatus, ExemptionStatus, RevisionReport, RolloutStatus, RuleStatus, TripReport,
};

use super::Control;
use super::control_state::ControlState;

impl Control {
    /// The latest revisions, the newest first.
    pub(crate) fn revisions(&self, limit: usize) -> Vec<RevisionReport> {
        revision_reports(&self.state().history, limit)
    }

    /// The revision that a change with this id made; `None` if none is remembered.
    pub(crate) fn find_revision(&self, change: &str) -> Option<RevisionReport> {
        find_revision_report(&self.state().history, change)
    }

    /// Returns true if a change of a person is still to be undone.
    pub(crate) fn has_undoable_change(&self) -> bool {
        self.state().history.has_undoable_change()
    }

    /// The status of this replica.
    pub(crate) fn status(&self, now: Timestamp) -> RolloutStatus {
        let state = self.state();
        let policy = state.effective_policy(now);
        let readings = state.breaker.readings(now);
        let mut breakers = BTreeMap::new();
        for reading in &readings {
            breakers.insert(&*reading.rule, reading);
        }
        let mut rules = Vec::with_capacity(policy.rules().len());
        for rule in policy.rules() {
            let breaker = breakers.get(&*rule.id).copied();
            rules.push(rule_status(&state, rule, breaker, now));
        }
        RolloutStatus {
            revision: policy.revision().to_owned(),
            overrides: state.history.latest_number(),
            unsaved: state.store.unsaved(),
            rules,
            exemptions: exemption_statuses(&policy, now),
        }
    }
}

fn rule_status(
    state: &ControlState,
    rule: &Rule,
    breaker: Option<&BreakerReading>,
    now: Timestamp,
) -> RuleStatus {
    let current = rule.rollout_state(now);
    let planned = rule.planned_state(now);
    let seen = state.seen_by_rule.get(rule.id.as_ref()).copied().unwrap_or_default();
    RuleStatus {
        rule: rule.id.to_string(),
        phase: current.phase.to_string(),
        share: current.share.fraction(),
        until: current.until.map(|until| until.to_string()),
        planned_phase: planned.phase.to_string(),
        set_by: rule.overridden().map(|set| set.by.to_string()),
        reason: rule.overridden().map(|set| set.reason.clone()),
        breaker: breaker.map(breaker_status),
        target_seen: seen.compliant,
        without_identity: seen.unnamed,
    }
}

fn breaker_status(reading: &BreakerReading) -> BreakerStatus {
    let state = match (reading.tripped, reading.watching) {
        (true, _) => "tripped",
        (false, true) => "armed",
        (false, false) => "idle",
    };
    BreakerStatus {
        state: state.into(),
        seen: reading.seen,
        refused: reading.refused,
        share: reading.share(),
        concentration: reading.concentration,
        top_network: reading.top_network.map(|network| network.to_string()),
        withheld: reading.withheld,
        refused_share: reading.limits.refused_share,
        window: reading.limits.window,
        minimum: reading.limits.minimum,
    }
}

fn exemption_statuses(policy: &Policy, now: Timestamp) -> Vec<ExemptionStatus> {
    let mut statuses = Vec::new();
    for exemption in policy.exemptions() {
        statuses.push(ExemptionStatus {
            exemption: exemption.id.to_string(),
            rules: exemption.rules.iter().map(ToString::to_string).collect(),
            owner: exemption.owner.clone(),
            reason: exemption.reason.clone(),
            expires: exemption.expires.to_string(),
            expired: exemption.expires <= now,
        });
    }
    statuses
}

/// The report of a trip, with what is known of the callers that were hit.
pub(crate) fn trip_report(trip: &Trip, refused: &[RefusedCaller]) -> TripReport {
    let mut callers = Vec::new();
    for caller in refused {
        if *caller.rule == *trip.rule && trip.hit.contains(&caller.caller) {
            callers.push(refused_caller_record(caller));
        }
    }
    TripReport {
        callers,
        rule: trip.rule.to_string(),
        at: trip.at.to_string(),
        seen: trip.seen,
        refused: trip.refused,
        share: trip.share(),
        concentration: trip.concentration(),
        top_network: trip.top.map(|(network, _)| network.to_string()),
        message: trip.summary(),
        hit: trip.hit.iter().map(ToString::to_string).collect(),
    }
}

/// The reports of the latest `limit` revisions, the newest first.
fn revision_reports(history: &History, limit: usize) -> Vec<RevisionReport> {
    let mut reports = Vec::new();
    for revision in history.latest_revisions(limit) {
        let can_undo = history.can_undo(&revision.id);
        reports.push(RevisionReport { can_undo, ..revision_report(&revision) });
    }
    reports
}

/// The report of the revision that a change with this id made.
fn find_revision_report(history: &History, change: &str) -> Option<RevisionReport> {
    let revisions = history.latest_revisions(History::REMEMBERED);
    let revision = revisions.iter().find(|revision| revision.id == change)?;
    Some(RevisionReport { can_undo: history.can_undo(change), ..revision_report(revision) })
}

fn revision_report(revision: &Revision) -> RevisionReport {
    RevisionReport {
        revision: revision.revision,
        change: revision.id.clone(),
        at: revision.at.to_string(),
        actor: revision.actor.clone(),
        reason: revision.reason.clone(),
        action: revision.action.clone(),
        rule: revision.rule.clone(),
        phase: revision.phase.map(|phase| Imposed::as_str(phase).to_owned()),
        until: revision.until.map(|until| until.to_string()),
        undoes: revision.undoes,
        can_undo: false,
    }
}
