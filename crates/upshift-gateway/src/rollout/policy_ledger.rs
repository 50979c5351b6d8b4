//! The policy revisions: what is recorded of each policy that comes into force.

use std::sync::Arc;

use upshift_adoption::ledger::{
    LedgerEntry, LinkedChange, NewEntry, PolicyInForce, PolicyText, RevisionCause,
};
use upshift_core::Timestamp;
use upshift_record::evidence::PolicyFileRecord;

use super::phase_log::RecordedPhases;
use crate::settings::SettingsOrigin;

/// The name of the calendar as an actor.
const CALENDAR: &str = "calendar";

/// The policy of the file, as its revisions name it.
pub(super) struct PolicyLedger {
    /// `sha256:` and the digest of the file's text.
    file_digest: String,
    text: Arc<PolicyText>,
    origin: SettingsOrigin,
    /// `reason` in `[gateway]`.
    file_reason: Option<String>,
    /// Requests are counted.
    recording: bool,
    observe: bool,
    /// The digest of the policy whose rules were listed last.
    listed: Option<String>,
}

/// The part of a policy file that its revisions name.
pub(super) struct LedgerFile {
    pub(super) digest: String,
    pub(super) text: Arc<PolicyText>,
    pub(super) origin: SettingsOrigin,
    pub(super) reason: Option<String>,
    pub(super) recording: bool,
}

/// An event that puts a policy in force.
pub(super) enum PolicyEvent<'a> {
    /// The gateway starts. The process before was last seen then, if it did not record its stop.
    Start {
        last_seen: Option<Timestamp>,
    },
    Reload,
    /// A change of the overrides, by a person or the breaker.
    Change {
        cause: RevisionCause,
        number: i64,
        actor: &'a str,
        reason: &'a str,
    },
    /// An override ended at this time.
    Lapse(Timestamp),
    /// The calendar.
    Calendar,
}

impl PolicyLedger {
    pub(super) fn new(file: LedgerFile, observe: bool) -> Self {
        let LedgerFile { digest, text, origin, reason, recording } = file;
        Self {
            file_digest: digest,
            text,
            origin,
            file_reason: reason,
            recording,
            observe,
            listed: None,
        }
    }

    /// Takes the policy of another file.
    pub(super) fn set_file(&mut self, file: LedgerFile) {
        let listed = self.listed.take();
        *self = Self { listed, ..Self::new(file, self.observe) };
    }

    /// The revision for an event at `at`, after which the rules are in these phases.
    pub(super) fn revision(
        &mut self,
        event: &PolicyEvent<'_>,
        phases: &RecordedPhases,
        (at, latest_change): (Timestamp, i64),
    ) -> Arc<NewEntry> {
        let mut entry = self.entry_for(event, at);
        let is_start = matches!(event, PolicyEvent::Start { .. });
        let complete = is_start || self.listed.as_ref() != Some(&self.text.digest);
        let rules = if complete { phases.all.to_vec() } else { phases.changed.clone() };
        self.listed = Some(self.text.digest.clone());
        entry.in_force = Some(PolicyInForce {
            policy: self.text.digest.clone(),
            effective: PolicyInForce::effective_digest(&self.text.digest, &phases.all),
            latest_change,
            observe: self.observe,
            recording: self.recording,
            complete,
            rules,
        });
        let whole = Some((Arc::clone(&phases.all), Arc::clone(&self.text)));
        Arc::new(NewEntry { entry, whole })
    }

    /// The revision for the end of the process.
    pub(super) fn stop(&self, at: Timestamp) -> Arc<NewEntry> {
        let entry = LedgerEntry::new(at, RevisionCause::Stop, &self.account(), "");
        Arc::new(NewEntry { entry, whole: None })
    }

    fn entry_for(&self, event: &PolicyEvent<'_>, at: Timestamp) -> LedgerEntry {
        match event {
            PolicyEvent::Start { last_seen } => {
                let given = self.origin.reason.as_deref().or(self.file_reason.as_deref());
                let reason = given.unwrap_or_default();
                let entry = LedgerEntry::new(at, RevisionCause::Start, &self.account(), reason);
                LedgerEntry { file: Some(self.file_record()), last_seen: *last_seen, ..entry }
            }
            PolicyEvent::Reload => {
                let reason = self.file_reason.as_deref().unwrap_or_default();
                let entry = LedgerEntry::new(at, RevisionCause::Reload, &self.account(), reason);
                LedgerEntry { file: Some(self.file_record()), ..entry }
            }
            PolicyEvent::Change { cause, number, actor, reason } => {
                let change = LinkedChange { number: *number, digest: String::new() };
                let entry = LedgerEntry::new(at, *cause, actor, reason);
                LedgerEntry { change: Some(change), ..entry }
            }
            PolicyEvent::Lapse(end) => {
                LedgerEntry::new(*end, RevisionCause::Lapse, CALENDAR, "an override ended")
            }
            PolicyEvent::Calendar => {
                let reason = "the calendar of the policy file";
                LedgerEntry::new(at, RevisionCause::Calendar, CALENDAR, reason)
            }
        }
    }

    fn account(&self) -> String {
        self.origin.account.clone().unwrap_or_else(|| "unknown account".to_owned())
    }

    fn file_record(&self) -> PolicyFileRecord {
        let SettingsOrigin { file, owner, modified, account: _, reason: _ } = &self.origin;
        PolicyFileRecord {
            path: file.as_ref().map(|file| file.display().to_string()).unwrap_or_default(),
            digest: self.file_digest.clone(),
            owner: owner.clone(),
            modified: modified.map(|modified| modified.to_string()),
        }
    }
}
