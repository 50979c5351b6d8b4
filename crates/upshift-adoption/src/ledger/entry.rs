//! A revision of the ledger: its content, and its state before it is written.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use upshift_record::evidence::{PolicyFileRecord, RulePhaseRecord};

use super::chain::{ChainHead, sha256_hex};
use super::policy_text::PolicyText;

/// The event that a revision records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevisionCause {
    /// The gateway started.
    Start,
    /// The gateway closed its store, because it stops.
    Stop,
    /// The policy file was reloaded.
    Reload,
    /// A person changed the overrides.
    Change,
    /// The breaker tripped.
    Trip,
    /// An override ended.
    Lapse,
    /// The calendar of a rule reached its next phase.
    Calendar,
    /// The store was removed while the gateway ran, and made again.
    Restored,
    /// Earlier revisions were removed, because they were older than the retention.
    Pruned,
    /// Counted requests could not be written for too long.
    UsageLost,
}

/// The content of one revision. Its JSON is hashed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// The time of the event.
    #[serde(with = "crate::timestamp_text::instant")]
    pub at: Timestamp,
    /// The event.
    pub cause: RevisionCause,
    /// The person, `breaker`, `calendar`, or the account of the gateway.
    pub actor: String,
    /// The reason; empty if none was given.
    pub reason: String,
    /// The policy file, with a start or a reload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PolicyFileRecord>,
    /// The change of the overrides, with a change or a trip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<LinkedChange>,
    /// The policy in force from then on; `None` if the event does not concern it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force: Option<PolicyInForce>,
    /// With a start: the last time at which the previous process was seen, if it did not record its
    /// stop.
    #[serde(
        with = "crate::timestamp_text::instant_or_none",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub last_seen: Option<Timestamp>,
    /// With the first revision: the way in which the chain began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// With `Pruned`: the last revision that was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<ChainHead>,
}

/// A change of the overrides that a revision names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedChange {
    /// Its number.
    pub number: i64,
    /// The digest of its row, and of that of its trip; empty until it is written.
    pub digest: String,
}

/// The policy in force from a revision on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyInForce {
    /// The digest of the policy of the file.
    pub policy: String,
    /// The digest of the policy of the file and every rule's phase.
    pub effective: String,
    /// The number of the latest change of the overrides.
    pub latest_change: i64,
    /// `--observe`: every rule observes.
    pub observe: bool,
    /// Requests are counted.
    pub recording: bool,
    /// True if all rules are listed; else only those that changed.
    pub complete: bool,
    /// The rules.
    pub rules: Vec<RulePhaseRecord>,
}

/// A revision that is not written yet.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// Its content, except the parts that only the store knows.
    pub entry: LedgerEntry,
    /// All rules, and the text of the policy; `None` if the event does not concern the policy.
    pub whole: Option<(Arc<[RulePhaseRecord]>, Arc<PolicyText>)>,
}

impl RevisionCause {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Reload => "reload",
            Self::Change => "change",
            Self::Trip => "trip",
            Self::Lapse => "lapse",
            Self::Calendar => "calendar",
            Self::Restored => "restored",
            Self::Pruned => "pruned",
            Self::UsageLost => "usage-lost",
        }
    }
}

impl LedgerEntry {
    /// The content of an event that does not concern the policy.
    pub fn new(at: Timestamp, cause: RevisionCause, actor: &str, reason: &str) -> Self {
        Self {
            at,
            cause,
            actor: actor.to_owned(),
            reason: reason.to_owned(),
            file: None,
            change: None,
            in_force: None,
            last_seen: None,
            origin: None,
            removed: None,
        }
    }
}

impl PolicyInForce {
    /// The digest of a policy and its rules' phases.
    pub fn effective_digest(policy: &str, rules: &[RulePhaseRecord]) -> String {
        let mut text = format!("{policy}\n");
        for RulePhaseRecord { rule, phase, until, set_by, .. } in rules {
            // As JSON, so that a name cannot be mistaken for two names.
            let line = serde_json::json!([rule, phase, until, set_by]);
            text.push_str(&format!("{line}\n"));
        }
        format!("sha256:{}", sha256_hex(text.as_bytes()))
    }
}

impl NewEntry {
    /// The same revision as the first of a chain, which lists all rules.
    pub fn to_first(&self, origin: &str) -> LedgerEntry {
        let mut entry = self.entry.clone();
        entry.origin = Some(origin.to_owned());
        if let (Some(in_force), Some((rules, _))) = (&mut entry.in_force, &self.whole) {
            in_force.complete = true;
            in_force.rules = rules.to_vec();
        }
        entry
    }
}
