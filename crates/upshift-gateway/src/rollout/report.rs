//! How things stand, for people and programs.

use upshift_adoption::Revision;
use upshift_adoption::breaker::{Reading, Trip};
use upshift_adoption::overrides::Imposed;
use upshift_core::policy::{Exemption, Rule};
use upshift_core::{Policy, Timestamp};
use upshift_record::control::{
    BreakerStatus, ExemptionStatus, RevisionReport, RuleStatus, Status, TripReport,
};

use super::Control;
use super::state::State;

impl Control {
    /// How this replica stands.
    pub(crate) fn status(&self, now: Timestamp) -> Status {
        let state = self.state();
        let policy = state.effective(&state.overrides, now);
        let readings = state.breaker.readings(now);
        Status {
            revision: policy.revision().to_owned(),
            overrides: state.history.latest(),
            unsaved: state.keeper.unsaved(),
            rules: policy
                .rules()
                .iter()
                .map(|rule| rule_status(&state, rule, &readings, now))
                .collect(),
            exemptions: exemptions(&policy, now),
        }
    }
}

fn rule_status(state: &State, rule: &Rule, readings: &[Reading], now: Timestamp) -> RuleStatus {
    let moment = rule.rollout_state(now);
    let planned = state.file.rule(&rule.id).map_or(moment, |rule| rule.rollout_state(now));
    let seen = state.sightings.get(rule.id.as_ref()).copied().unwrap_or_default();
    RuleStatus {
        rule: rule.id.to_string(),
        phase: moment.phase.to_string(),
        share: moment.share.fraction(),
        until: moment.until.map(|until| until.to_string()),
        planned_phase: planned.phase.to_string(),
        set_by: rule.overridden().map(|set| set.by.to_string()),
        reason: rule.overridden().map(|set| set.reason.clone()),
        breaker: readings.iter().find(|reading| *reading.rule == *rule.id).map(breaker_status),
        target_seen: seen.compliant,
        without_identity: seen.unnamed,
    }
}

fn breaker_status(reading: &Reading) -> BreakerStatus {
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

fn exemptions(policy: &Policy, now: Timestamp) -> Vec<ExemptionStatus> {
    let status = |exemption: &Exemption| ExemptionStatus {
        exemption: exemption.id.to_string(),
        owner: exemption.owner.clone(),
        reason: exemption.reason.clone(),
        expires: exemption.expires.to_string(),
        expired: exemption.expires <= now,
    };
    policy.exemptions().iter().map(status).collect()
}

/// A trip, as it leaves the program.
pub(crate) fn trip_report(trip: &Trip) -> TripReport {
    TripReport {
        rule: trip.rule.to_string(),
        at: trip.at.to_string(),
        seen: trip.seen,
        refused: trip.refused,
        share: trip.share(),
        concentration: trip.concentration(),
        top_network: trip.top.map(|(network, _)| network.to_string()),
        message: trip.sentence(),
        hit: trip.hit.iter().map(ToString::to_string).collect(),
    }
}

/// A revision, as it leaves the program.
pub(crate) fn revision_report(revision: &Revision) -> RevisionReport {
    RevisionReport {
        revision: revision.revision,
        change: revision.id.clone(),
        at: revision.at.to_string(),
        actor: revision.actor.clone(),
        reason: revision.reason.clone(),
        action: revision.action.clone(),
        rule: revision.rule.clone(),
        phase: revision.phase.map(Imposed::as_str).map(str::to_owned),
        until: revision.until.map(|until| until.to_string()),
        undoes: revision.undoes,
    }
}
