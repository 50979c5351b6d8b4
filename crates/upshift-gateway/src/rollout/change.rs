//! Changes that people make: the checks before one, its effect on the rules, and its record.

use aws_lc_rs::digest::{SHA256, digest};
use upshift_adoption::overrides::{
    ChangeTarget, RolloutChange, RolloutOverrides, RuleStop, Shares,
};
use upshift_adoption::{PendingChange, UndoError};
use upshift_core::policy::Rule;
use upshift_core::{Policy, Timestamp};
use upshift_record::control::{ChangeReport, RuleChange};

use super::Control;
use super::control_state::ControlState;
use super::store_writer::{PendingWrite, random_id};

/// A change that a person asks for.
pub(crate) struct ChangeCommand {
    pub(crate) change: RolloutChange,
    /// The id that the client chose, if it chose one.
    pub(crate) id: Option<String>,
    pub(crate) actor: String,
    pub(crate) reason: String,
    /// Allows the share of refused callers to rise.
    pub(crate) confirm: bool,
    /// Only reports what the change would do.
    pub(crate) dry_run: bool,
    /// Makes the change only if this is the number of the latest revision.
    pub(crate) after: Option<i64>,
    /// Makes the change only until this time.
    pub(crate) not_after: Option<Timestamp>,
    /// Makes the change only if its effect has this digest, which a dry run returned.
    pub(crate) effect: Option<String>,
}

/// The outcome of a change.
pub(crate) struct ChangeOutcome {
    pub(crate) report: ChangeReport,
    /// The digest of its effect on rules, under the policy of the file.
    pub(crate) effect: String,
    /// The write to the store; `None` for a dry run, and if nothing was to be changed.
    pub(crate) pending_write: Option<PendingWrite>,
}

/// The reason that a change was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    /// No rule has this id.
    #[error("there is no rule {0}")]
    UnknownRule(String),
    /// More callers would be refused, and that was not confirmed.
    #[error(
        "more callers would be refused than {}: confirm that",
        RuleChange::compared_moment(rules)
    )]
    Rises {
        /// The rules that move.
        rules: Vec<RuleChange>,
    },
    /// A change with this id was made before.
    #[error("change {0} was already made here")]
    Repeated(String),
    /// Another change was made after the dry run.
    #[error("another change was made here in the meantime: repeat the dry run")]
    Overtaken,
    /// A reload or the calendar changed the effect after the dry run.
    #[error("the change would no longer do what was confirmed: repeat the dry run")]
    OtherEffect,
    /// The change arrived after the time that it was limited to.
    #[error("the change arrived too late: its time limit was {0}, and it was not made")]
    TooLate(Timestamp),
    /// The change is an undo that is not possible.
    #[error(transparent)]
    Undo(#[from] UndoError),
}

impl Control {
    /// Makes a change, or reports what it would do.
    pub(crate) fn make_change(
        &self,
        command: &ChangeCommand,
        now: Timestamp,
    ) -> Result<ChangeOutcome, ControlError> {
        let ChangeCommand { change, actor, reason, .. } = command;
        let mut state = self.state();
        state.check_rule(change, now)?;
        let mut preview = state.preview_change(change, now)?;
        let effect = state.effect_digest(&preview);
        if command.dry_run {
            let running = state.effective_policy(now);
            let next = state.policy_after(change, now)?;
            drop(state);
            preview.canary = Some(self.compare_policies(&running, &next, now));
            return Ok(ChangeOutcome { report: preview, effect, pending_write: None });
        }
        state.check_command(command, &preview, now)?;
        if preview.unchanged {
            return Ok(ChangeOutcome { report: preview, effect, pending_write: None });
        }
        let id = command.id.clone().unwrap_or_else(random_id);
        let shares = state.refused_shares(now);
        let order = PendingChange { change, id: &id, at: now, actor, reason, shares: &shares };
        let record = state.history.make_change(order)?;
        let revision = record.revision.revision;
        tracing::warn!(
            revision,
            change = id,
            actor,
            reason,
            action = change.action(),
            rule = change.rule(),
            undoes = preview.undoes_change.as_deref().unwrap_or_default(),
            "a person changed the enforcement of rules"
        );
        let pending_write = state.put_in_force(&record, now, &self.publish);
        let report = ChangeReport {
            revision: Some(revision),
            change: Some(id),
            latest: revision,
            ..preview
        };
        Ok(ChangeOutcome { report, effect, pending_write: Some(pending_write) })
    }
}

impl ControlState {
    /// Checks that the rule of `change` exists, if it names one.
    fn check_rule(&self, change: &RolloutChange, now: Timestamp) -> Result<(), ControlError> {
        let Some(rule) = change.rule() else { return Ok(()) };
        // A rule that the file no longer has may still be resumed, which removes its override.
        let resumes_override = matches!(change, RolloutChange::Resume(_))
            && self.overrides.override_of(rule, now).is_some();
        if self.file_policy().rule(rule).is_some() || resumes_override {
            Ok(())
        } else {
            Err(ControlError::UnknownRule(rule.to_owned()))
        }
    }

    /// Reports what `change` would do.
    fn preview_change(
        &self,
        change: &RolloutChange,
        now: Timestamp,
    ) -> Result<ChangeReport, ControlError> {
        let (after, undone) = self.history.preview_change(change, now)?;
        Ok(ChangeReport {
            revision: None,
            action: change.action().into(),
            change: None,
            latest: self.history.latest_number().unwrap_or(0),
            // An undo is recorded even if others have replaced its effect: it marks the change.
            unchanged: undone.is_none() && !self.overrides.holds_otherwise(&after, now),
            undoes: undone.map(|undone| undone.revision),
            undoes_change: undone.map(|undone| undone.id.clone()),
            kept: None,
            warning: None,
            now: Some(now.to_string()),
            canary: None,
            rules: self.rule_changes(change, &after, now),
        })
    }

    /// The effective policy after `change`.
    pub(super) fn policy_after(
        &self,
        change: &RolloutChange,
        now: Timestamp,
    ) -> Result<Policy, ControlError> {
        let (after, _) = self.history.preview_change(change, now)?;
        Ok(self.policy_under(&after, now))
    }

    /// Checks that a change with this `preview` may be made at `now`.
    fn check_command(
        &self,
        command: &ChangeCommand,
        preview: &ChangeReport,
        now: Timestamp,
    ) -> Result<(), ControlError> {
        // The client has timed out by then, and has reported that the change was not made.
        if let Some(end) = command.not_after
            && end < now
        {
            return Err(ControlError::TooLate(end));
        }
        if let Some(id) = &command.id
            && self.history.find_change(id).is_some()
        {
            return Err(ControlError::Repeated(id.clone()));
        }
        if let Some(after) = command.after
            && after != preview.latest
        {
            return Err(ControlError::Overtaken);
        }
        if let Some(effect) = &command.effect
            && *effect != self.effect_digest(preview)
        {
            return Err(ControlError::OtherEffect);
        }
        if !command.confirm && preview.rules.iter().any(RuleChange::refuses_more) {
            return Err(ControlError::Rises { rules: preview.rules.clone() });
        }
        Ok(())
    }

    /// A digest of the policy file and of the phases that the rules of `preview` move between. Shares
    /// are left out, because those of a ramp rise all the time.
    fn effect_digest(&self, preview: &ChangeReport) -> String {
        let mut phases = Vec::new();
        for rule in &preview.rules {
            phases.push((&rule.rule, &rule.phase_before, &rule.phase, &rule.stopped));
        }
        let effect = serde_json::json!([self.file_policy().revision(), preview.undoes, phases]);
        let digest = digest(&SHA256, effect.to_string().as_bytes());
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Lists the rules that `change` moves, from the overrides in force to `after`.
    fn rule_changes(
        &self,
        change: &RolloutChange,
        after: &RolloutOverrides,
        now: Timestamp,
    ) -> Vec<RuleChange> {
        let old_policy = self.effective_policy(now);
        let new_policy = self.policy_under(after, now);
        let resumes =
            matches!(change, RolloutChange::Resume(ChangeTarget::All | ChangeTarget::Rule(_)));
        let mut changes = Vec::new();
        // Both have the rules of the file, in the same order.
        for (old, new) in old_policy.rules().iter().zip(new_policy.rules()) {
            // The rule that the change names is listed even if it stays as it is.
            if change.rule() == Some(&old.id) || old.overridden() != new.overridden() {
                changes.push(self.rule_change(old, new, resumes, now));
            }
        }
        changes
    }

    fn rule_change(&self, old: &Rule, new: &Rule, resumes: bool, now: Timestamp) -> RuleChange {
        let (before, after) = (old.rollout_state(now), new.rollout_state(now));
        // A stopped rule refuses no caller, so every resume would count as a rise. A resume is
        // compared with the share at the time of the stop instead.
        let stop = if resumes { self.overrides.stop_of(&old.id, now) } else { None };
        let share_before = stop.map_or(before.share, RuleStop::share);
        RuleChange {
            rule: old.id.to_string(),
            phase_before: before.phase.to_string(),
            share_before: share_before.fraction(),
            phase: after.phase.to_string(),
            share: after.share.fraction(),
            stopped: stop.map(|stop| stop.at.to_string()),
        }
    }

    /// The share of callers that each rule refuses at `now`.
    pub(super) fn refused_shares(&self, now: Timestamp) -> Shares {
        let policy = self.effective_policy(now);
        let rules = policy.rules().iter();
        rules.map(|rule| (rule.id.to_string(), rule.rollout_state(now).share)).collect()
    }
}
