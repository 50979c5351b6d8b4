//! The evidence for an auditor, which `upshift report --evidence` prints and the admin listener
//! serves: the policies that were in force, since when and by whom, what they refused, and with
//! which exceptions.
//!
//! Times are RFC 3339 in UTC. Periods are `[from, to)`. Callers are distinct ones, counted with a
//! standard error of 1.6 %.

use serde::{Deserialize, Serialize};
use upshift_core::Timestamp;
use upshift_core::policy::Rule;

use crate::RequiredRecord;
use crate::adoption::RequestCounts;
use crate::policy::PolicyRecord;

/// The evidence for a period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceReport {
    /// The time at which the report was made.
    pub now: String,
    /// The start of the period.
    pub from: String,
    /// The end of the period, which is never in the future.
    pub to: String,
    /// The time of the first policy revision that is kept; `null` if there is none.
    pub records_begin: Option<String>,
    /// The chain of all policy revisions that are kept, and whether it is intact.
    pub chain: ChainRecord,
    /// The parts of the period of which the records say nothing, or not everything.
    pub gaps: Vec<RecordGap>,
    /// The rules that were in force at any time in the period.
    pub rules: Vec<RuleEvidence>,
    /// The exemptions that were in force at any time in the period, those that are built in last.
    pub exemptions: Vec<ExemptionEvidence>,
    /// All requests of the period, including those that matched no rule.
    pub traffic: TrafficEvidence,
    /// The policy revisions of the period, and the one that was in force when it began.
    pub revisions: Vec<PolicyRevisionRecord>,
    /// The policies that those revisions name.
    pub policies: Vec<PolicyRecord>,
}

/// The chain of policy revisions. Each has a SHA-256 over the one before it and its own content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainRecord {
    /// True if no revision was changed, removed or inserted after it was recorded.
    pub intact: bool,
    /// The number of revisions that are kept.
    pub revisions: u64,
    /// The number of the first one that is kept.
    pub first: Option<u64>,
    /// The number of the last one.
    pub last: Option<u64>,
    /// The time of the first one.
    pub from: Option<String>,
    /// The time of the last one.
    pub to: Option<String>,
    /// The way in which the chain began, such as `a new store`.
    pub origin: String,
    /// The hash before the first one that is kept.
    pub anchor: Option<String>,
    /// The hash of the last one. Noted elsewhere, it proves later that the chain up to it is the
    /// same.
    pub head: Option<String>,
    /// The places at which the chain is broken.
    pub faults: Vec<ChainFault>,
    /// The state of the chain as a sentence.
    pub sentence: String,
}

/// One place at which the chain is broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainFault {
    /// The number of the revision; `null` if the fault is not at one of them.
    pub revision: Option<u64>,
    /// The fault as a sentence.
    pub problem: String,
}

/// A time of which the records say nothing, or not everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordGap {
    /// Its beginning.
    pub from: String,
    /// Its end.
    pub to: String,
    /// `before-records`; `stopped`: the gateway was not running; `not-recorded`: it was killed, or
    /// could not write; `usage-off`: policies are known, and requests were not counted;
    /// `usage-lost`: requests were counted in part.
    pub kind: String,
    /// The gap as a sentence.
    pub sentence: String,
}

/// The evidence on one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleEvidence {
    /// The rule's id.
    pub rule: String,
    /// The evidence in words.
    pub statement: String,
    /// The time from which the rule has enforced what it enforced at the end of the period; `null`
    /// if it did not enforce then, or if nothing is known of that time. Times at which the gateway
    /// was not running do not end this.
    pub enforced_since: Option<String>,
    /// The seconds of the period in which the rule is known to have enforced the last of its
    /// definitions. Those of each definition are in `definitions`.
    pub enforced_seconds: u64,
    /// The times between the first enforcement in the period and its end at which the rule did not
    /// enforce, or at which nothing is known; and, once it has enforced its last definition, those
    /// at which it enforced another.
    pub interruptions: Vec<Interruption>,
    /// The phases, in the order of time.
    pub phases: Vec<PhaseSpan>,
    /// The rule as the policy file had it, in the order of time.
    pub definitions: Vec<RuleDefinition>,
    /// The requests that it matched.
    #[serde(flatten)]
    pub counts: StandingCounts,
    /// The refused requests by the version that was read.
    pub refused_versions: Vec<VersionCounts>,
    /// The requests by version of HTTP.
    pub http: Vec<LabelEvidence>,
    /// The requests by version of TLS; `none` is cleartext.
    pub tls: Vec<LabelEvidence>,
}

/// A time at which a rule that had enforced did not, or of which nothing is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interruption {
    /// Its beginning.
    pub from: String,
    /// Its end.
    pub to: String,
    /// The phase; `stopped` or `not-recorded` for a gap; `absent` if the policy lacked the rule;
    /// `other-definition` if it enforced another requirement, or for other requests.
    pub kind: String,
    /// With `other-definition`: that requirement and its requests in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// The person, `breaker`, or the account of the gateway.
    pub actor: Option<String>,
    /// The reason; empty if none was given.
    pub reason: Option<String>,
}

/// A rule's phase over a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseSpan {
    /// Its beginning in the period.
    pub from: String,
    /// Its end in the period.
    pub to: String,
    /// Its true beginning, which may be before the period.
    pub since: String,
    /// True if it held at the end of the period.
    pub holds: bool,
    /// The phase.
    pub phase: String,
    /// The share of callers that was refused when it began, 0 to 1.
    pub share: f64,
    /// `start`, `reload`, `change`, `trip`, `lapse` (an override ended), `calendar`, `restored`, or
    /// `held`: an older override decides.
    pub cause: String,
    /// The person, `breaker`, `command line`, `calendar`, or the account of the gateway.
    pub actor: String,
    /// The reason; empty if none was given.
    pub reason: String,
    /// The number of the policy revision that began it.
    pub revision: u64,
    /// The change of the overrides that began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeEvidence>,
}

/// A rule as a policy file had it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleDefinition {
    /// Its beginning in the period.
    pub from: String,
    /// Its end in the period.
    pub to: String,
    /// The requirement in words, such as `TLS 1.2 or later`.
    pub requirement: String,
    /// The requirements, of which any one must be met.
    pub required: Vec<RequiredRecord>,
    /// The requests that it applies to, such as `paths /account/**`.
    pub applies_to: String,
    /// The seconds of this time in which the rule is known to have enforced it.
    pub enforced_seconds: u64,
    /// The digest of the policy that it is in.
    pub policy: String,
}

/// Requests by what was made of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingCounts {
    /// All of them.
    pub total: RequestCounts,
    /// Those that met the requirement.
    pub meets: RequestCounts,
    /// Those that did not, whether they were refused or not.
    pub behind: RequestCounts,
    /// Those of which it is not known.
    pub unknown: RequestCounts,
    /// Those that were refused.
    pub refused: RequestCounts,
    /// Those that were admitted because of an exemption.
    pub exempt: RequestCounts,
}

/// The requests with one label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelEvidence {
    /// The label; `other` stands for all that had no place of their own.
    pub label: String,
    /// The requests.
    #[serde(flatten)]
    pub counts: StandingCounts,
}

/// The refused requests with one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionCounts {
    /// The version.
    pub version: String,
    /// The requests.
    #[serde(flatten)]
    pub refused: RequestCounts,
}

/// All requests of the period.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficEvidence {
    /// The start of the time that the numbers count: that of the period, or earlier where only
    /// whole hours or days are kept.
    pub from: String,
    /// The end of that time.
    pub to: String,
    /// The time from which requests are counted at all; `null` if none are.
    pub recording_since: Option<String>,
    /// The requests.
    #[serde(flatten)]
    pub counts: StandingCounts,
    /// The requests by version of HTTP.
    pub http: Vec<LabelEvidence>,
    /// The requests by version of TLS; `none` is cleartext.
    pub tls: Vec<LabelEvidence>,
}

/// An exemption that was in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExemptionEvidence {
    /// Its id.
    pub exemption: String,
    /// The person or team that answers for it; `built in` for one that every gateway has.
    pub owner: String,
    /// The reason for it.
    pub reason: String,
    /// The rules that it covers; empty: all.
    pub rules: Vec<String>,
    /// The requests that it covers.
    pub applies_to: String,
    /// The time from which a policy had it.
    pub since: String,
    /// True if the records begin with it, so that it may be older.
    pub may_be_older: bool,
    /// The end that the policy gives; `null` for one that is built in.
    pub expires: Option<String>,
    /// The time at which it was over: it had expired, or the policy no longer had it; `null` if it
    /// held at the end of the period.
    pub ended: Option<String>,
    /// The times since then in which the policy did not have it: it was removed and added again.
    #[serde(default)]
    pub absences: Vec<ExemptionAbsence>,
    /// The requests of the period that were admitted because of it.
    pub requests: RequestCounts,
}

/// A time in which the policy did not have an exemption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExemptionAbsence {
    /// The end of the policy that had it.
    pub from: String,
    /// The beginning of the next policy that had it.
    pub to: String,
}

/// One policy revision: what was in force from a time on, and by whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyRevisionRecord {
    /// Its number in the chain.
    pub revision: u64,
    /// Its time.
    pub at: String,
    /// `start`, `stop`, `reload`, `change`, `trip`, `lapse`, `calendar`, `restored`, `pruned` or
    /// `usage-lost`.
    pub cause: String,
    /// The person, `breaker`, `calendar`, or the account of the gateway.
    pub actor: String,
    /// The reason; empty if none was given.
    pub reason: String,
    /// The policy file of a start or a reload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PolicyFileRecord>,
    /// The change of the overrides, with a change or a trip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeEvidence>,
    /// The digest of the policy of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The digest of the effective policy: that of the file, with every rule's phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<String>,
    /// What this policy adds, removes and changes, compared with the one before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_changes: Vec<String>,
    /// The rules whose phase is another than before; all rules after a start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RulePhaseRecord>,
    /// The hash of the revision before it.
    pub previous_hash: String,
    /// Its hash: SHA-256 of the previous hash, a line feed and its content.
    pub hash: String,
}

/// A change of the overrides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeEvidence {
    /// Its id, which `pause` and the other commands print, and `undo` takes.
    pub id: String,
    /// `pause`, `resume`, `set`, `undo` or `trip`.
    pub action: String,
    /// The rule; `null`: all rules, or those of the change that was undone.
    pub rule: Option<String>,
    /// With `set`: the phase.
    pub phase: Option<String>,
    /// With `undo`: the id of the change that was undone.
    pub undoes: Option<String>,
}

/// The policy file of a start or a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFileRecord {
    /// Its path.
    pub path: String,
    /// `sha256:` and the digest of its text.
    pub digest: String,
    /// The owner of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The time at which it was last written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<String>,
}

/// The phase of one rule from a policy revision on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulePhaseRecord {
    /// The rule's id.
    pub rule: String,
    /// The phase.
    pub phase: String,
    /// The share of callers that is refused, in basis points.
    pub share: u16,
    /// The end of the phase, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The origin of a phase that beats the file: a person's name, `breaker` or `command line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_by: Option<String>,
    /// The reason, in the words of its author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl RulePhaseRecord {
    /// The phase of a rule at `now`.
    pub fn of_rule(rule: &Rule, now: Timestamp) -> Self {
        let state = rule.rollout_state(now);
        // An override that is over no longer decides.
        let set = rule.overridden().filter(|set| set.until.is_none_or(|until| until > now));
        Self {
            rule: rule.id.to_string(),
            phase: state.phase.as_str().to_owned(),
            share: state.share.basis_points(),
            until: state.until.map(|until| until.to_string()),
            set_by: set.map(|set| set.by.to_string()),
            reason: set.map(|set| set.reason.clone()),
        }
    }

    /// Returns true if the two are one stretch of time. The share of a linear ramp grows in it.
    pub fn is_same_phase(&self, other: &Self) -> bool {
        let Self { rule, phase, share: _, until, set_by, reason } = self;
        (rule, phase, until) == (&other.rule, &other.phase, &other.until)
            && (set_by, reason) == (&other.set_by, &other.reason)
    }
}
