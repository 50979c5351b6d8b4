//! Control over a running gateway: what people and the breaker impose on rules, over the policy
//! file.
//!
//! 1. The policy in force is the file's with the overrides of the store
//!    ([`upshift_core::Policy::with`]). It is published like a reload, and after every reload the
//!    overrides are put on it again.
//! 2. A change is in force before it is in the store: people who are locked out do not wait for a
//!    disk. The [`keeper`] writes it, and tries again if it cannot; the one who asked for the
//!    change learns what a restart would forget.
//! 3. Cores hand in what they counted; [`watch`] looks at it four times a second. Nothing on the
//!    path of a request waits for this module's lock, and nothing that holds the lock waits for
//!    anything.
//! 4. It is one replica's: replicas are told one by one, and each breaker trips by itself.

mod keeper;
mod meter;
mod metrics;
pub(crate) mod report;
mod state;
mod watch;
mod webhook;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use upshift_adoption::breaker::Trip;
use upshift_adoption::overrides::Change;
use upshift_adoption::store::StoreError;
use upshift_adoption::{Fingerprint, Key, Order, Revision, Tally, UndoError};
use upshift_core::{Policy, Timestamp};
use upshift_record::control::{ChangeReport, RuleChange};

use keeper::{Keeper, Saving};
use state::State;

pub(crate) use meter::{count, count_accepted};
pub(crate) use watch::{EVERY, watch};

/// Puts a policy in force.
pub(crate) type Publish = Box<dyn Fn(Policy) + Send + Sync>;

/// Control over one gateway.
pub(crate) struct Control {
    state: Mutex<State>,
    inbox: Mutex<Vec<Tally>>,
    key: Key,
    publish: Publish,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    /// No rule has this id.
    #[error("there is no rule {0}")]
    UnknownRule(String),
    /// More callers would be refused, and that was not confirmed.
    #[error("more callers would be refused than {}: confirm that", RuleChange::than(rules))]
    Rises {
        /// The rules that move.
        rules: Vec<RuleChange>,
    },
    /// It is made already.
    #[error("change {0} was made here already")]
    Repeated(String),
    /// Something else was changed since it was asked what would happen.
    #[error("something else was changed here meanwhile: ask again what would happen")]
    Overtaken,
    /// It came after its time.
    #[error("it came too late: it was to be made until {0}, and was not made")]
    TooLate(Timestamp),
    /// It is an undo of what cannot be undone.
    #[error(transparent)]
    Undo(#[from] UndoError),
}

/// A change that is asked for.
pub(crate) struct Wanted {
    pub(crate) change: Change,
    /// Its id, if it has one already.
    pub(crate) id: Option<String>,
    pub(crate) actor: String,
    pub(crate) reason: String,
    /// Also if the share rises.
    pub(crate) confirm: bool,
    /// Only report what would happen.
    pub(crate) dry_run: bool,
    /// Only if this is the number of the latest revision.
    pub(crate) after: Option<i64>,
    /// Only until then.
    pub(crate) not_after: Option<Timestamp>,
}

/// What a change did, and how its writing goes.
pub(crate) struct Changed {
    pub(crate) report: ChangeReport,
    /// `None` for a dry run.
    pub(crate) saving: Option<Saving>,
}

/// The configuration of a control.
pub(crate) struct ControlConfig<'a> {
    /// The policy as the file has it.
    pub(crate) policy: Policy,
    /// The file that keeps overrides; `None`: in memory only.
    pub(crate) store: Option<&'a Path>,
    /// `--observe`.
    pub(crate) observe: bool,
    /// The address that is called when the breaker trips.
    pub(crate) webhook: Option<String>,
    /// The time.
    pub(crate) now: Timestamp,
}

/// A control whose store is open, before anything is published. What is served is built from its
/// policy first.
pub(crate) struct OpenedControl {
    state: State,
    key: Key,
    policy: Policy,
}

impl OpenedControl {
    /// Opens the store and puts the overrides that it keeps over the policy of the file.
    ///
    /// # Errors
    /// If another gateway has the store open, or there is one that cannot be read: what it holds
    /// would be forgotten.
    pub(crate) fn open(config: ControlConfig<'_>) -> Result<Self, StoreError> {
        let ControlConfig { policy: file, store, observe, webhook, now } = config;
        let (keeper, content) = Keeper::open(store)?;
        let key = content.key;
        let mut state = State::new(file, content.history, keeper, observe, webhook);
        let policy = state.apply(now);
        for rule in policy.rules() {
            if let Some(set) = rule.overridden() {
                let (rule, phase, by, reason) = (&rule.id, set.phase, &set.by, &set.reason);
                tracing::warn!(
                    %rule, %phase, %by, reason,
                    "an override holds a rule, in place of the policy file"
                );
            }
        }
        state.tell_phases(&policy, now);
        Ok(Self { state, key, policy })
    }

    /// The effective policy.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The control, which hands every later policy to `publish`.
    pub(crate) fn publishing(self, publish: Publish) -> Control {
        let Self { state, key, policy: _ } = self;
        Control { state: Mutex::new(state), inbox: Mutex::default(), key, publish }
    }
}

impl Control {
    /// Closes the store for good, so that the process that follows this one can open it. Changes
    /// are in force as before, and are not kept.
    pub(crate) fn release_store(&self) {
        self.state().keeper.release();
    }

    /// Takes another policy from the file. `publish` puts its effective form in force, in place of
    /// the publisher for changes; until it returns, no change is made.
    pub(crate) fn reload(
        &self,
        policy: Policy,
        webhook: Option<String>,
        now: Timestamp,
        publish: impl FnOnce(Policy),
    ) {
        let mut state = self.state();
        (state.file, state.webhook) = (policy, webhook);
        let effective = state.apply(now);
        state.tell_phases(&effective, now);
        publish(effective);
    }

    /// Makes a change, or reports what it would do.
    pub(crate) fn change(&self, wanted: &Wanted, now: Timestamp) -> Result<Changed, ControlError> {
        let mut state = self.state();
        let change = &wanted.change;
        state.knows(change, now)?;
        let mut report = state.preview(change, now)?;
        if wanted.dry_run {
            return Ok(Changed { report, saving: None });
        }
        state.allows(wanted, &report, now)?;
        let id = wanted.id.clone().unwrap_or_else(keeper::random_id);
        let Wanted { actor, reason, .. } = wanted;
        let shares = state.shares(now);
        let record = state.history.change(Order {
            change,
            id: &id,
            at: now,
            actor,
            reason,
            shares: &shares,
        })?;
        let saving = state.keeper.save(&record);
        let (revision, action) = (record.revision.revision, change.action());
        let undoes = report.undoes_change.as_deref().unwrap_or_default();
        tracing::warn!(
            revision,
            change = id,
            actor,
            reason,
            action,
            rule = change.rule(),
            undoes,
            "a person changed what is enforced"
        );
        state.put_in_force(now, &self.publish);
        (report.revision, report.change, report.latest) = (Some(revision), Some(id), revision);
        Ok(Changed { report, saving: Some(saving) })
    }

    /// The latest revisions, the newest first.
    pub(crate) fn revisions(&self, limit: usize) -> Vec<Revision> {
        self.state().history.revisions(limit)
    }

    /// The latest trips, the newest first.
    pub(crate) fn trips(&self, limit: usize) -> Vec<Trip> {
        self.state().history.trips(limit)
    }

    /// The policy in force.
    pub(crate) fn policy(&self, now: Timestamp) -> Policy {
        let state = self.state();
        state.effective(&state.overrides, now)
    }

    /// The key under which identities are hashed.
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// As reports name who was hit.
    pub(crate) fn fingerprint(&self, identity: &str) -> Fingerprint {
        self.key.fingerprint(identity.trim_matches([' ', '\t']).as_bytes())
    }

    /// Takes what a core counted. It is looked at by the next [`Control::tick`].
    pub(crate) fn hand_in(&self, tally: Tally) {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).push(tally);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
