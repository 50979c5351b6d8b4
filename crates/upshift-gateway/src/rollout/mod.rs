//! Control over the rules of a running gateway: the overrides that people and the breaker put on
//! top of the policy file.
//!
//! 1. The effective policy is the file's with the overrides of the store
//!    ([`upshift_core::Policy::with_overrides`]). It is published like a reload, and every reload
//!    applies the overrides again.
//! 2. A change takes effect before it is stored: clients that are locked out must not wait for a
//!    disk. The [`store_writer`] writes it and retries; the client of a change gets a warning if a
//!    restart would forget it.
//! 3. Cores hand in their tallies, and [`Control::tick`] evaluates them up to four times a second.
//!    Without tallies, it ticks once a second. Requests never wait for this module's lock, and
//!    nothing blocks while holding it.
//! 4. All of this concerns one replica: each has its own overrides, and each breaker trips by
//!    itself.

mod adoption_report;
mod canary;
mod change;
mod control_state;
mod evidence;
mod ledger_queue;
mod meter;
mod metrics;
mod phase_log;
mod policy_ledger;
pub(crate) mod report;
mod store_writer;
mod tick;
mod usage;
mod webhook;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use upshift_adoption::breaker::Trip;
use upshift_adoption::canary::RecordedFields;
use upshift_adoption::ledger::PolicyText;
use upshift_adoption::store::{Retention, StoreContent, StoreError};
use upshift_adoption::usage::UsageBatch;
use upshift_adoption::{CallerTally, Fingerprint, IdentityKey};
use upshift_config::AdoptionSettings;
use upshift_core::{Policy, Timestamp};

pub(crate) use self::change::{ChangeCommand, ChangeOutcome, ControlError};
use self::control_state::ControlState;
pub(crate) use self::control_state::Publish;
pub(crate) use self::meter::{count_accepted, count_decision};
use self::policy_ledger::{LedgerFile, PolicyEvent, PolicyLedger};
pub(crate) use self::store_writer::random_id;
use self::store_writer::{OpenedStore, StoreWriter};
pub(crate) use self::tick::{TICK_INTERVAL, run_ticks};
use self::usage::UsageRecorder;
use crate::settings::{Settings, SettingsOrigin};

/// Control over one gateway.
pub(crate) struct Control {
    /// Dropped before `state`: the thread of the store ends with the last handle on it, and this
    /// has one.
    usage: UsageRecorder,
    state: Mutex<ControlState>,
    /// The tallies since the last tick. It has a lock of its own, so that no core waits for `state`.
    inbox: Mutex<Vec<CallerTally>>,
    /// Notified of each tally.
    handed_in: Notify,
    store_path: Option<PathBuf>,
    key: IdentityKey,
    publish: Publish,
}

/// The part of a policy file that is controlled here.
pub(crate) struct ControlledFile {
    /// The policy of the file.
    pub(crate) policy: Policy,
    /// The address that is called when the breaker trips.
    pub(crate) webhook: Option<String>,
    /// Usage is recorded.
    pub(crate) record: bool,
    /// The retention of usage.
    pub(crate) retention: Retention,
    /// The text of the policy, as its revisions name it.
    text: Arc<PolicyText>,
    origin: SettingsOrigin,
    /// `reason` in `[gateway]`.
    reason: Option<String>,
}

impl ControlledFile {
    /// The part of these settings.
    pub(crate) fn from_settings(settings: &Settings) -> Self {
        let file = &settings.file;
        let AdoptionSettings { record, minutes, hours, days } = &file.adoption;
        let retention =
            Retention { minutes: minutes.as_secs(), hours: hours.as_secs(), days: days.as_secs() };
        let (policy, webhook) = (file.policy.clone(), file.webhook.clone());
        // Made here and not under the lock of the control: a policy may have thousands of rules.
        let text = Arc::new(PolicyText::of_policy(&policy));
        let (origin, reason) = (settings.origin.clone(), file.gateway.reason.clone());
        Self { policy, webhook, record: *record, retention, text, origin, reason }
    }

    /// The part that policy revisions name.
    fn ledger_file(&self) -> LedgerFile {
        LedgerFile {
            digest: self.policy.revision().to_owned(),
            text: Arc::clone(&self.text),
            origin: self.origin.clone(),
            reason: self.reason.clone(),
            recording: self.record,
        }
    }
}

/// The configuration of a control.
pub(crate) struct ControlConfig<'a> {
    /// The policy file.
    pub(crate) file: ControlledFile,
    /// The file that keeps overrides; `None`: in memory only.
    pub(crate) store: Option<&'a Path>,
    /// `--observe`.
    pub(crate) observe: bool,
    /// The time.
    pub(crate) now: Timestamp,
}

/// A control whose store is open, and which has not published anything yet. The first generation is
/// built from its policy.
pub(crate) struct OpenedControl {
    usage: UsageRecorder,
    state: ControlState,
    store_path: Option<PathBuf>,
    key: IdentityKey,
    policy: Policy,
}

impl OpenedControl {
    /// Opens the store, and applies its overrides to the policy of the file.
    ///
    /// # Errors
    /// If another gateway has the store open, or it exists and cannot be read.
    pub(crate) fn open(config: ControlConfig<'_>) -> Result<Self, StoreError> {
        let ControlConfig { file, store, observe, now } = config;
        let ledger = PolicyLedger::new(file.ledger_file(), observe);
        let ControlledFile { policy: file, webhook, record, retention, .. } = file;
        let OpenedStore { writer, content, usage } = StoreWriter::open(store, now)?;
        writer.retain_usage(retention);
        let usage = UsageRecorder::start(usage, writer.usage_sink())?;
        usage.set_recording(record);
        let key = content.key.clone();
        let StoreContent { history, last_seen, .. } = content;
        let mut state = ControlState::new(file, history, writer, ledger, (observe, webhook));
        let (policy, revision) = state.recompute_policy(&PolicyEvent::Start { last_seen }, now);
        state.store.write_revision(revision);
        for rule in policy.rules() {
            if let Some(set) = rule.overridden() {
                let (rule, phase, by, reason) = (&rule.id, set.phase, &set.by, &set.reason);
                tracing::warn!(
                    %rule, %phase, %by, reason,
                    "an override replaces the phase of the policy file"
                );
            }
        }
        Ok(Self { state, usage, store_path: store.map(Path::to_owned), key, policy })
    }

    /// The effective policy.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The control, which passes every later policy to `publish`.
    pub(crate) fn publishing(self, publish: Publish) -> Control {
        let Self { state, usage, store_path, key, policy: _ } = self;
        let (state, inbox) = (Mutex::new(state), Mutex::default());
        Control { state, inbox, handed_in: Notify::new(), usage, store_path, key, publish }
    }
}

impl Control {
    /// Closes the store for good, so that the next process can open it. Later changes still take
    /// effect, but are not stored.
    pub(crate) fn release_store(&self) {
        let state = self.state();
        state.store.write_revision(state.ledger.stop(Timestamp::now()));
        state.store.release_store();
    }

    /// Replaces the policy of the file. The effective policy goes to `publish` instead of the usual
    /// publisher. No change is made until it returns.
    pub(crate) fn reload(
        &self,
        file: ControlledFile,
        now: Timestamp,
        publish: impl FnOnce(Policy),
    ) {
        let ledger_file = file.ledger_file();
        let ControlledFile { policy, webhook, record, retention, .. } = file;
        self.usage.set_recording(record);
        let mut state = self.state();
        let recorded = RecordedFields::of_policy(state.file_policy());
        if !recorded.unrecorded_fields(&policy).is_empty() {
            // Their absence in earlier requests means nothing.
            self.usage.restart_notes();
        }
        state.set_file_policy(policy);
        state.ledger.set_file(ledger_file);
        state.webhook = webhook;
        state.store.retain_usage(retention);
        let (effective, revision) = state.recompute_policy(&PolicyEvent::Reload, now);
        state.store.write_revision(revision);
        publish(effective);
    }

    /// The latest trips, the newest first.
    pub(crate) fn trips(&self, limit: usize) -> Vec<Trip> {
        self.state().history.latest_trips(limit)
    }

    /// The effective policy at `now`.
    pub(crate) fn effective_policy(&self, now: Timestamp) -> Policy {
        self.state().effective_policy(now)
    }

    /// The key with which identities are hashed.
    pub(crate) fn key(&self) -> &IdentityKey {
        &self.key
    }

    /// The fingerprint of an identity, as reports of trips show it.
    pub(crate) fn fingerprint(&self, identity: &str) -> Fingerprint {
        self.key.fingerprint(identity.trim_matches([' ', '\t']).as_bytes())
    }

    /// Queues the tally of a core for the next [`Control::tick`].
    pub(crate) fn hand_in(&self, tally: CallerTally) {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).push(tally);
        self.handed_in.notify_one();
    }

    /// Queues the usage that a core has counted. Returns false if it was dropped.
    pub(crate) fn hand_in_usage(&self, batch: UsageBatch) -> bool {
        self.usage.hand_in(batch)
    }

    /// The epoch of the notes for the canary: when it changes, all callers are noted again.
    pub(crate) fn notes_epoch(&self) -> u64 {
        self.usage.notes_epoch()
    }

    /// Passes the last usage to the store. What is handed in later is lost.
    pub(crate) fn finish_usage(&self) {
        self.usage.finish();
        self.state().store.finish_usage();
    }

    fn state(&self) -> MutexGuard<'_, ControlState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
