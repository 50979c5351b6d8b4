//! Control over a running gateway: what people and the breaker impose on rules, over the policy file.
//!
//! 1. The policy in force is the file's with the overrides of the store ([`upshift_core::Policy::with`]). It is published
//!    like a reload, and after every reload the overrides are put on it again.
//! 2. A change of a person is in the store before it is in force. A trip of the breaker is in force even if the store
//!    fails, for whoever is locked out does not wait for a disk.
//! 3. Cores hand in what they counted; [`watch`] looks at it four times a second. Nothing on the path of a request waits
//!    for this module's lock.
//! 4. It is one replica's: replicas are told one by one, and each breaker trips by itself.

mod api;
mod meter;
mod metrics;
mod report;
mod state;
mod watch;
mod webhook;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use upshift_adoption::breaker::Trip;
use upshift_adoption::overrides::Change;
use upshift_adoption::store::{Revision, Store, StoreError};
use upshift_adoption::{Fingerprint, Key, Tally};
use upshift_core::{Policy, Timestamp};
use upshift_record::control::{ChangeReport, RuleChange};

use state::State;

pub(crate) use api::{Access, Problem, guarded, router};
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
    /// More callers would be refused than when the rule was stopped, and nobody confirmed that.
    #[error("more callers would be refused than when it was stopped: confirm that")]
    Rises(Vec<RuleChange>),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A change that somebody asks for.
pub(crate) struct Wanted {
    pub(crate) change: Change,
    pub(crate) actor: String,
    pub(crate) reason: String,
    /// Also if the share rises.
    pub(crate) confirm: bool,
    /// Only tell what would happen.
    pub(crate) dry_run: bool,
}

/// What a control needs to begin with.
pub(crate) struct Beginning<'a> {
    /// The policy as the file has it.
    pub(crate) policy: Policy,
    /// Where overrides are kept; `None`: in memory only.
    pub(crate) store: Option<&'a Path>,
    /// `--observe`.
    pub(crate) observe: bool,
    /// Who is told when the breaker trips.
    pub(crate) webhook: Option<String>,
    /// The time.
    pub(crate) now: Timestamp,
}

impl Control {
    /// Opens the store and puts the file's policy in force with what is kept there.
    ///
    /// # Errors
    /// If the store cannot be used.
    pub(crate) fn open(beginning: Beginning<'_>, publish: Publish) -> Result<Self, StoreError> {
        let Beginning { policy, store, observe, webhook, now } = beginning;
        let store = store.map_or_else(Store::in_memory, Store::open)?;
        if store.key_is_new() {
            tracing::warn!(
                "the key in the store had been published: it was replaced by a new one, and everything else was kept; \
                 fingerprints in reports of before do not match those from now on"
            );
        }
        let key = store.key()?;
        let state = State::new(policy, store, observe, webhook)?;
        let control = Self { state: Mutex::new(state), inbox: Mutex::default(), key, publish };
        let mut state = control.state();
        let policy = state.apply(now);
        for rule in policy.rules() {
            if let Some(set) = rule.overridden() {
                let (rule, phase, by, reason) = (&rule.id, set.phase, &set.by, &set.reason);
                tracing::warn!(%rule, %phase, %by, reason, "a rule is held, whatever the policy file says");
            }
        }
        state.tell_phases(&policy, now);
        (control.publish)(policy);
        drop(state);
        Ok(control)
    }

    /// Takes another policy from the file, and tells what that changes now.
    pub(crate) fn reload(&self, policy: Policy, webhook: Option<String>, now: Timestamp) {
        let mut state = self.state();
        (state.file, state.webhook) = (policy, webhook);
        let policy = state.apply(now);
        state.tell_phases(&policy, now);
        (self.publish)(policy);
    }

    /// Makes a change, or tells what it would do.
    pub(crate) fn change(&self, wanted: &Wanted, now: Timestamp) -> Result<ChangeReport, ControlError> {
        let mut state = self.state();
        let change = &wanted.change;
        state.knows(change, now)?;
        let after = state.store.preview(change, now)?;
        let rules = state.changes(change, &after, now);
        if matches!(change, Change::Resume(_))
            && !wanted.confirm
            && !wanted.dry_run
            && rules.iter().any(RuleChange::rises)
        {
            return Err(ControlError::Rises(rules));
        }
        let mut report = ChangeReport { revision: None, action: change.action().into(), undoes: None, rules };
        if wanted.dry_run {
            return Ok(report);
        }
        let (revision, after) = state.store.change(change, now, &wanted.actor, &wanted.reason)?;
        let Revision { revision, actor, reason, action, undoes, .. } = &revision;
        tracing::warn!(
            revision,
            actor,
            reason,
            action,
            rule = change.rule(),
            ?undoes,
            "a person changed what is enforced"
        );
        (report.revision, report.undoes, state.revision) = (Some(*revision), *undoes, Some(*revision));
        state.take(after, now, &self.publish);
        Ok(report)
    }

    /// The latest revisions, the newest first.
    pub(crate) fn revisions(&self, limit: u32) -> Result<Vec<Revision>, StoreError> {
        self.state().store.revisions(limit)
    }

    /// The latest trips, the newest first.
    pub(crate) fn trips(&self, limit: u32) -> Result<Vec<Trip>, StoreError> {
        self.state().store.trips(limit)
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
